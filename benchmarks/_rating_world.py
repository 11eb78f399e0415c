"""A study for `benchmarks.rating`, made in the instance that DRAWBENCH_VAR names; prints its raters as JSON.

python -m benchmarks._rating_world RATERS IMAGES: so many raters, so many images in a set.
"""

from __future__ import annotations

import io
import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drawbench.settings")

import django

django.setup()

import numpy as np  # noqa: E402  # after the settings, which everything below reads
from django.conf import settings  # noqa: E402
from PIL import Image  # noqa: E402

from evaluation.models import GenerationRun, Prompt, RunStatus, Sample, Suite  # noqa: E402
from evaluation.services.rating.enrol import rater_enrol, rater_instructed  # noqa: E402
from evaluation.services.store.images import image_file_put, image_rows  # noqa: E402
from evaluation.services.studies.create import StudyDraft, study_create  # noqa: E402
from evaluation.services.studies.invitation import invitation_create  # noqa: E402
from evaluation.services.studies.open import study_open  # noqa: E402

TOKEN = "a" * 32
"""Against forged requests: it only has to be the same in cookie and header."""

PROMPTS = 60
SIDE = 132
"""Pixels of an image's side: noise of so many, without loss, has the 51 kB of a usual picture of 256."""


def main(raters: int, images: int) -> None:
    suite = Suite.objects.create(name=f"bench-{images}", version_hash=f"{images:064d}", content_hash="c" * 64)
    Prompt.objects.bulk_create(
        Prompt(suite=suite, number=number, text=f"prompt {number} of many words about a red cube", category="All")
        for number in range(PROMPTS)
    )
    runs = [_run(suite, f"bench-{images}-{name}", images, seed) for seed, name in enumerate(("one", "two"))]
    study = study_create(StudyDraft(name=f"bench-{images}", runs=runs, raters_per_panel=raters, samples_per_set=images))
    study = study_open(study=study)
    invitation = invitation_create(study=study)
    made = []
    for _ in range(raters):
        enrolled = rater_enrol(invitation=invitation)
        rater_instructed(rater=enrolled.rater)
        cookies = f"{settings.CSRF_COOKIE_NAME}={TOKEN}; rater={enrolled.session_key}"
        made.append({"rater": str(enrolled.rater.key), "token": TOKEN, "cookies": cookies})
    print(json.dumps(made))


def _run(suite: Suite, name: str, images: int, seed: int) -> GenerationRun:
    run = GenerationRun.objects.create(
        name=name,
        suite=suite,
        origin=GenerationRun.Origin.RENDERED,
        generator="noise",
        samples_per_prompt=images,
        status=RunStatus.DONE,
        width=SIDE,
        height=SIDE,
    )
    rng = np.random.default_rng(seed)
    places = [(prompt, sample) for prompt in suite.prompts.order_by("number") for sample in range(images)]
    files = []
    for _ in places:
        out = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(out, "PNG", compress_level=1)
        files.append(image_file_put(data=out.getvalue(), image_format="png", width=SIDE, height=SIDE))
    rows = image_rows(files)
    Sample.objects.bulk_create(
        Sample(run=run, prompt=prompt, sample=sample, image=rows[file.sha256])
        for (prompt, sample), file in zip(places, files, strict=True)
    )
    return run


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
