"""A stranger's day by pages alone: suite, uploads, a study of own questions, a pilot, a plan, the report, the archive.

Nothing is known but the start page: each step is a link or a button of the page that is open.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from evaluation.models import GenerationRun, Rater, Study, Suite, Upload
from evaluation.services.uploads.check import upload_check
from tests.researcher.visitor import Visitor
from tests.studies.world import png

pytestmark = pytest.mark.django_db

PROMPTS = ("a red cube", "two green balls", "a sign that says hello", "a fox")


def zipped(seed: int) -> SimpleUploadedFile:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for at in range(len(PROMPTS)):
            archive.writestr(f"{at:05}/0.png", png(seed + at))
    return SimpleUploadedFile(f"images-{seed}.zip", out.getvalue())


def a_worker_checks() -> None:
    """What a worker does meanwhile, unasked."""
    for upload in Upload.objects.exclude(status__in=["done", "dropped"]):
        while not upload_check(upload=upload, seconds=30):
            pass


def test_a_stranger_runs_a_whole_day_by_pages_alone(signed_in: Client, settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    me = Visitor(signed_in).open("/")

    # a suite
    table = "prompt,category\n" + "".join(f"{text},all\n" for text in PROMPTS)
    me.follow("Suites").send("Load", file=SimpleUploadedFile("mine.csv", table.encode()), name="mine", licence="CC0")
    me.says("Loaded mine", "a red cube")

    # two uploads
    for name, seed in (("theirs", 10), ("ours", 50)):
        me.follow("Runs").follow("Upload images").send("Upload", run_name=name, generator=name, file=zipped(seed))
        a_worker_checks()
        me.follow("Runs").follow("All uploads").follow(name)
        me.says("valid image").send("Store as a run").follow("Runs").says(name)

    # a study with a question of its own: runs looked for, the plan before anything is saved
    me.follow("Studies").follow("New study")
    runs = [me.value_of("theirs"), me.value_of("ours")]
    own = {
        "runs": runs,
        "protocol": me.value_of("Questions of your own"),
        "name": "first",
        "own_name": "liking",
        "own_layout": "pair",
        "own_panels": "all",
        "q1_text": "Which would you hang on your wall?",
        "q1_kind": "preference",
        "q1_answers": "The left one\nEither\nThe right one",
        "q1_short": "Wall",
        "raters_per_panel": "9",
    }
    me.send("Update the plan", **own, plan_pay="12").says("9 raters x 4 prompts", "At 12.00 an hour they cost")
    me.send("Create draft", **own)
    assert Study.objects.count() == 1, " ".join(me.page.text.split())[:2000]
    me.says("Draft").follow("Edit").send("Save draft", title="What hangs on a wall").says("The draft is saved")
    me.send("Open the study").says("The study is open", "Invitations")

    # a pilot of simulated raters, and what it shows
    me.follow("Simulated raters").send("Simulate", raters="6", share="", prefer="ours=0.8").says("marked so")
    me.follow("Raters").says("finished", "simulated").follow("What hangs on a wall")
    me.follow("Ratings").says("found").follow("What hangs on a wall")
    me.follow("Analyse").send("Analyse", margin="50", measure="fast_share", at_most="0.5")
    me.says("Equivalence", "Screening", "theirs").follow("What hangs on a wall")

    # the next study planned from it
    me.follow("Plan the next study").send("Plan", prompts="40", width="15", pay="12").says(
        "from a pilot of", "±15.0 points"
    )

    # closed, reported, archived
    me.follow("Studies").follow("What hangs on a wall").follow("Close the study")
    me.send("Close the study").says("The study is closed")
    me.follow("Report").says("SIMULATED", "theirs", "ours")
    me.follow("Studies").follow("What hangs on a wall").follow("Archive, rename").send("Archive").says("archived")
    assert "What hangs on a wall" not in [text for text, _ in me.page.links]

    # what is used stays, and says by what; a colleague is invited to see it
    me.follow("Runs").follow("ours").follow("Archive, rename, delete").says("it is used by the study first")
    me.follow("Suites").follow("mine").follow("Archive, rename, delete").says(
        "it is used by the run ours, the run theirs"
    )
    me.follow("Team").send("Create account and link", username="grace").says("Sign-in link for grace")
    link = re.search(r'id="sign-in-link"[^>]*value="[^"]*?(/sign-in/[^"]+)"', me.html)
    assert link
    grace = Visitor(Client()).open(link[1]).follow("Studies").says("All are archived.")
    grace.send("Show", archived="yes").follow("What hangs on a wall").says("archived")

    assert (Suite.objects.count(), GenerationRun.objects.count(), Rater.objects.count()) == (1, 2, 6)
    assert me.steps > 35
