"""What people get wrong: the run ends with one sentence that says what, and goes on once it is right."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.models import GenerationRun, RunStatus, Suite
from evaluation.services.runs.generator import forget_generators
from evaluation.services.runs.request import run_resume, run_retry
from tests.rivals.conftest import declare, openai_like
from tests.rivals.server import KEY, Service
from tests.rivals.test_command import HEAD, LOOP, READY
from tests.rivals.test_workers import ask
from tests.runs.conftest import make_suite, plugin  # noqa: F401  (fixtures)
from tests.runs.steps import draw

pytestmark = pytest.mark.django_db
MakeSuite = Callable[..., Suite]


def ends_with(run: GenerationRun, says: str) -> None:
    """The run has failed with this sentence, and no fault of the program was told."""
    draw(run)
    assert run.status == RunStatus.FAILED and run.samples.count() == 0
    assert says in run.message, run.message
    assert "\n" not in run.message and "Traceback" not in run.message and "The program failed" not in run.message
    assert len(run.message) < 500 and KEY not in run.message


def goes_on(run: GenerationRun, *, retry: bool = False) -> None:
    """Now that it is right, the run is taken up and ends as done, with all its images."""
    forget_generators()
    (run_retry if retry else run_resume)(run=run, queue=False)
    draw(run)
    assert (run.status, run.samples.count(), run.failures.count()) == (RunStatus.DONE, 2, 0), run.message


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"key": "sk-wrong"}, "refuses the key"),
        ({"key": ""}, "TESTS_KEY"),
        ({"mood": "quota"}, "the quota at tests is spent"),
        ({"mood": "redirect"}, "redirects this request to elsewhere.example"),
        ({"gone": True}, "tests"),
    ],
)
def test_a_service_that_nobody_can_draw_with(
    folder: Path,
    service: Service,
    make_suite: MakeSuite,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    wrong: dict[str, Any],
    says: str,
) -> None:
    declare(folder, "tests", **openai_like(service))
    monkeypatch.setenv("TESTS_KEY", wrong.get("key", KEY))
    service.mood = wrong.get("mood", "")
    run = ask(make_suite("a fox"), "http", {"service": "tests"})
    if "gone" in wrong:
        (folder / "services" / "tests.json").unlink()
    ends_with(run, says)
    declare(folder, "tests", **openai_like(service))
    monkeypatch.setenv("TESTS_KEY", KEY)
    service.mood = ""
    goes_on(run)


@pytest.mark.parametrize(
    ("mood", "says"),
    [
        ("page", "text/html where JSON was expected"),
        ("page in base64", "no whole image"),
        ("half image", "no whole image"),
        ("half", "bytes of its answer"),
    ],
)
def test_a_service_that_gives_no_images(
    folder: Path,
    service: Service,
    make_suite: MakeSuite,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    mood: str,
    says: str,
) -> None:
    declare(folder, "tests", **openai_like(service))
    monkeypatch.setenv("TESTS_KEY", KEY)
    service.mood = mood
    run = ask(make_suite("a fox"), "http", {"service": "tests"})
    ends_with(run, says)
    service.mood = ""
    goes_on(run, retry=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("print('Loading ... 12%', flush=True)", 'wrote "Loading ... 12%" to its standard output'),
        ("raise SystemExit('no weights here')", "no weights here"),
        (HEAD + "say(ready='soon')\n", 'did not say {"ready": true} first'),
        (None, "p"),
    ],
)
def test_a_program_that_does_not_speak_as_it_should(
    folder: Path,
    make_suite: MakeSuite,  # noqa: F811
    text: str | None,
    says: str,
) -> None:
    fields: dict[str, Any] = {"schema": "drawbench-program/1", "summary": "of the tests", "version": "1"}
    declare(folder, "p", "programs", command=[sys.executable, "p.py"], **fields)
    run = ask(make_suite("a fox"), "command", {"program": "p"})
    if text is not None:
        (folder / "programs" / "p.py").write_text(text)
    ends_with(run, says)
    (folder / "programs" / "p.py").write_text(HEAD + READY + LOOP)
    goes_on(run)


@pytest.mark.skipif(importlib.util.find_spec("diffusers") is None, reason="an optional extra")
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("no index", "has no model_index.json"),
        ("unknown class", "of the class 'AcmePipeline'"),
        ("missing weights", "Are all its weights there"),
        ("half a download", "Are all its weights there"),
        ("no folder", "pipeline"),
    ],
)
def test_a_pipeline_that_is_not_whole(
    folder: Path,
    make_suite: MakeSuite,  # noqa: F811
    tmp_path: Path,
    wrong: str,
    says: str,
) -> None:
    from tests.rivals import tiny

    whole, used = tiny.stable_diffusion(tmp_path / "whole"), tmp_path / "used"
    shutil.copytree(whole, used)
    index, weights = used / "model_index.json", used / "unet" / "diffusion_pytorch_model.safetensors"
    if wrong == "no index":
        index.unlink()
    elif wrong == "unknown class":
        index.write_text(json.dumps({**json.loads(index.read_text()), "_class_name": "AcmePipeline"}))
    elif wrong == "missing weights":
        weights.unlink()
    elif wrong == "half a download":
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    else:
        shutil.rmtree(used)
    stages = [{"model": str(used)}]
    declare(folder, "sd", "pipelines", schema="drawbench-pipeline/1", summary="", stages=stages)
    run = ask(make_suite("a fox"), "diffusers", {"pipeline": "sd", "steps": 1})
    ends_with(run, says)
    shutil.rmtree(used, ignore_errors=True)
    shutil.copytree(whole, used)
    goes_on(run)
