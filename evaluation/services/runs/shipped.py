"""Runs that ship with DrawBench: drawn before, packed (`generators.packed`), and taken in instead of drawn once more.

A file's name says what its images depend on: weights, settings and prompts, seed. Where any of these is another by now,
there is no file of that name, and the run has to be drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

from django.db import transaction

from common.hashes import hash_of
from common.places import DEMONSTRATION
from evaluation.errors import InputError
from evaluation.models import GenerationRun, Prompt, RunStatus, Sample, StoredImage
from evaluation.services.runs.request import RunDraft, checked_run_name, draft_resolved, run_create, sides
from evaluation.services.store.images import ImageFile, hold_store, image_discard, image_file_write, image_rows
from generators import registry
from generators.contract import GeneratorError, ImageRequest, ParameterValue
from generators.folder_sink import FolderSink
from generators.manifest import ManifestContent, RunIdentity
from generators.packed import FORMAT, PackedRun, pack_run, read_packed, stored_as
from generators.runner import Progress, RunPlan, make_requests, run
from generators.sizes import drawn

THREADS = 8
"""That write images at once: they wait for the disk together."""

DIGITS = 12
"""Of each hash in a file's name."""


def shipped_file(draft: RunDraft) -> Path:
    """Where the images of the run as drafted ship, whether they do or not: its name, weights, settings, seed.

    Raises:
        InputError: an unknown generator or parameter, a size that can't be, or weights that are not there.
    """
    values, size = draft_resolved(draft, operator=True)
    version, fingerprint = _identity(draft, values, size)
    prompts = [(prompt.prompt_id, prompt.text) for prompt in draft.suite.prompts.order_by("number")]
    what = [version, draft.generator, values, size, draft.samples_per_prompt, prompts, stored_as()]
    weights, settings = fingerprint[:DIGITS], hash_of(what)[:DIGITS]
    return DEMONSTRATION / f"{draft.name}-weights-{weights}-settings-{settings}-seed-{draft.run_seed}.zip"


def run_take_shipped(draft: RunDraft) -> GenerationRun | None:
    """The run as drafted, with the images that ship: all of it or nothing. None where no images of it ship.

    Its row says how it came; parameters, weights, seeds and times are those of the drawing. Freezes the suite.

    Raises:
        InputError: the file is damaged, or not what its name says.
        ConflictError: another run has the name.
        StoreFullError: no room.
    """
    path = shipped_file(draft)
    if not path.is_file():
        return None
    try:
        packed = read_packed(path)
    except GeneratorError as error:
        raise InputError(f"{error}. Restore it (git checkout fixtures/demo), or remove it.") from error
    lines = _lines_in_order(draft, packed.manifest, path)
    stored: list[ImageFile] = []
    try:
        with transaction.atomic():
            return _store(draft, path, packed, lines, stored)
    except BaseException:
        image_discard(stored)
        raise


def run_ship(draft: RunDraft, *, folder: Path, on_progress: Callable[[Progress], None]) -> Path:
    """Draw the run as drafted in this process, and pack it under its name in place of what shipped of it before.

    Loads the generator. `folder`: keeps what is drawn; a drawing that was interrupted goes on from there.
    `on_progress`: told after each image.

    Raises:
        InputError: it can't be drawn.
    """
    values, size = draft_resolved(draft, operator=True)
    path = shipped_file(draft)
    try:
        with closing(registry.load(draft.generator, values, size=size)) as generator:
            fingerprint = generator.info.weights_fingerprint
            requests = _requests(draft, values, size, fingerprint)
            identity = RunIdentity(draft.generator, values, fingerprint, size, draft.run_seed)
            with FolderSink(folder, identity, generator.info, requests) as sink:
                run(generator, requests, sink, RunPlan(on_progress=on_progress))
        pack_run(folder, path)
    except GeneratorError as error:
        raise InputError(str(error)) from error
    for other in DEMONSTRATION.glob(f"{draft.name}-weights-*.zip"):
        if other != path:
            other.unlink()
    return path


def _requests(draft: RunDraft, values: Mapping[str, ParameterValue], size: int, fingerprint: str) -> list[ImageRequest]:
    return make_requests(
        [(prompt.prompt_id, prompt.text) for prompt in draft.suite.prompts.order_by("number")],
        draft.samples_per_prompt,
        spec_name=draft.generator,
        parameters=values,
        weights_fingerprint=fingerprint,
        size=size,
        run_seed=draft.run_seed,
    )


def _identity(draft: RunDraft, values: Mapping[str, object], size: int) -> tuple[str, str]:
    try:
        spec = registry.get_spec(draft.generator)
        found = registry.identity(spec, spec.resolve(values), size)
    except GeneratorError as error:
        raise InputError(str(error), field="generator") from error
    return found or ("", "")


def _lines_in_order(draft: RunDraft, manifest: ManifestContent, path: Path) -> list[dict[str, object]]:
    """The manifest's line of each image that the draft asks for, held to all that the image depends on."""
    values, size = draft_resolved(draft, operator=True)
    _, fingerprint = _identity(draft, values, size)
    wanted = _requests(draft, values, size, fingerprint)
    there = {str(line["key"]): line for line in manifest.images}
    missing = [request for request in wanted if request.key not in there]
    if missing:
        first = missing[0]
        raise InputError(
            f"{path.name} lacks {len(missing)} of {len(wanted)} images that its name promises, the first of prompt "
            f"{first.prompt_id}. Make it anew: ./dev manage demo --draw-shipped"
        )
    return [there[request.key] for request in wanted]


def _store(
    draft: RunDraft, path: Path, packed: PackedRun, lines: list[dict[str, object]], stored: list[ImageFile]
) -> GenerationRun:
    values, size = draft_resolved(draft, operator=True)
    session = packed.manifest.sessions[0]
    taken = run_create(
        suite=draft.suite,
        name=checked_run_name(draft.name),
        origin=GenerationRun.Origin.SHIPPED,
        generator=draft.generator,
        parameters=values,
        **sides(drawn(values, size)),
        samples_per_prompt=draft.samples_per_prompt,
        run_seed=draft.run_seed,
        status=RunStatus.DONE,
        weights_fingerprint=str(session["weights_fingerprint"]),
        provenance=_provenance(session, path),
        started_at=datetime.fromisoformat(str(session["time"])),
        finished_at=max(datetime.fromisoformat(str(line["time"])) for line in lines),
    )

    def put(line: Mapping[str, object]) -> None:
        size = {"width": int(str(line["width"])), "height": int(str(line["height"]))}
        stored.append(image_file_write(data=packed.images[str(line["file"])], image_format=FORMAT, **size))

    hold_store()
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        list(pool.map(put, lines))
    prompts = {prompt.prompt_id: prompt for prompt in Prompt.objects.filter(suite=draft.suite)}
    Sample.objects.bulk_create(_samples(taken, lines, prompts, image_rows(stored)), batch_size=2000)
    return taken


def _samples(
    run: GenerationRun,
    lines: list[dict[str, object]],
    prompts: Mapping[str, Prompt],
    rows: Mapping[str, StoredImage],
) -> Iterator[Sample]:
    for line in lines:
        told, seconds = line["provenance"], line["seconds"]
        assert isinstance(told, dict)
        yield Sample(
            run=run,
            prompt=prompts[str(line["prompt_id"])],
            sample=int(str(line["sample"])),
            image=rows[str(line["sha256"])],
            content_key=str(line["key"]),
            seconds=None if seconds is None else float(str(seconds)),
            provenance={**told, "drawn_sha256": line["drawn_sha256"], "stored_as": stored_as()},
        )


def _provenance(session: Mapping[str, object], path: Path) -> dict[str, object]:
    """As a worker's drawing leaves it (`runs.generator.described`), and how the images came here."""
    told, packages = session["provenance"], session["packages"]
    assert isinstance(told, dict) and isinstance(packages, dict)
    return {
        **told,
        **{name: session[name] for name in ("code_version", "python", "platform", "tolerance", "seeded")},
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
        "generator": session["generator"],
        "version": session["generator_version"],
        "weights_fingerprint": session["weights_fingerprint"],
        "stored_as": session["stored_as"],
        "came_as": f"fixtures/demo/{path.name}",
    }
