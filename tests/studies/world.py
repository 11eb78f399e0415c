"""A small world for tests of studies: a suite, finished runs of tiny images, an open study, raters in it."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable, Mapping, Sequence

from PIL import Image

from evaluation.models import GenerationRun, Invitation, Prompt, RunStatus, Sample, Study, Suite
from evaluation.selectors.trials import RaterSession, rater_session, session_key_hash
from evaluation.services.rating.enrol import Enrolled, rater_enrol
from evaluation.services.store.images import image_file_put, image_rows
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_open

TWO_CATEGORIES: Mapping[str, int] = {"Colors": 3, "Counting": 2}


def png(seed: int, *, size: tuple[int, int] = (16, 16), image_format: str = "PNG") -> bytes:
    """A picture of a few flat patches, by seed."""
    rng = random.Random(seed)
    image = Image.new("RGB", (4, 4))
    image.putdata([(rng.randrange(256), rng.randrange(256), rng.randrange(256)) for _ in range(16)])
    out = io.BytesIO()
    image.resize(size, Image.Resampling.NEAREST).save(out, image_format)
    return out.getvalue()


def a_suite(
    categories: Mapping[str, int] = TWO_CATEGORIES,
    *,
    name: str = "small",
    attributes: Callable[[int], dict[str, object]] = lambda number: {},
) -> Suite:
    """A suite with so many prompts of each category. `attributes`: of a prompt, by its number."""
    suite = Suite.objects.create(name=name, version_hash=f"{name:0<64}"[:64], content_hash="c" * 64)
    texts = [(category, n) for category, count in categories.items() for n in range(count)]
    Prompt.objects.bulk_create(
        Prompt(
            suite=suite,
            number=number,
            text=f"{category} prompt {n}, with a {{brace}} & <b>",
            category=category,
            attributes=attributes(number),
        )
        for number, (category, n) in enumerate(texts)
    )
    return suite


def a_run(
    suite: Suite,
    name: str,
    *,
    samples: int = 2,
    size: tuple[int, int] = (16, 16),
    image_format: str = "png",
    without: Sequence[tuple[int, int]] = (),
    status: str = RunStatus.DONE,
) -> GenerationRun:
    """A run with `samples` of every prompt, but for the (prompt number, sample) pairs in `without`."""
    run = GenerationRun.objects.create(
        name=name,
        suite=suite,
        origin=GenerationRun.Origin.RENDERED,
        generator="test",
        samples_per_prompt=samples,
        status=status,
        width=size[0],
        height=size[1],
    )
    places = [
        (prompt, sample)
        for prompt in suite.prompts.order_by("number")
        for sample in range(samples)
        if (prompt.number, sample) not in without
    ]
    files = [
        image_file_put(
            data=png(
                zlib.crc32(f"{name}/{prompt.number}/{sample}".encode()), size=size, image_format=image_format.upper()
            ),
            image_format=image_format,
            width=size[0],
            height=size[1],
        )
        for prompt, sample in places
    ]
    rows = image_rows(files)
    Sample.objects.bulk_create(
        Sample(run=run, prompt=prompt, sample=sample, image=rows[file.sha256])
        for (prompt, sample), file in zip(places, files, strict=True)
    )
    return run


def an_open_study(
    categories: Mapping[str, int] = TWO_CATEGORIES,
    *,
    name: str = "trial",
    raters_per_panel: int = 3,
    labels: Sequence[str] = ("plain", "guided"),
    samples: int = 2,
    size: tuple[int, int] = (16, 16),
    seed: int = 0,
    about: Sequence[str] = (),
    flagged: Sequence[Mapping[str, str]] = (),
) -> Study:
    """A study of two runs (or as many as there are labels), open."""
    suite = a_suite(categories, name=f"suite-{name}")
    runs = [a_run(suite, f"{name}-{label}", samples=samples, size=size) for label in labels]
    study = study_create(
        StudyDraft(
            name=name,
            runs=runs,
            labels=labels,
            raters_per_panel=raters_per_panel,
            design_seed=seed,
            title="Secret title",
            about=about,
            flagged=flagged,
        )
    )
    return study_open(study=study)


def enrolled(study: Study, *, invitation: Invitation | None = None) -> Enrolled:
    """A rater by a plain link."""
    return rater_enrol(invitation=invitation or invitation_create(study=study))


def session_of(rater: Enrolled) -> RaterSession:
    """The rater's session, as the hot endpoints find it."""
    session = rater_session(rater.rater.key, [session_key_hash(rater.session_key)])
    assert session is not None
    return session
