"""All but drawing and scoring runs where torch, and what stands on it, is not installed; those name the command."""

from __future__ import annotations

import importlib.machinery
import inspect
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.test import Client
from PIL import Image

from common.drawing import INSTALL_DRAWING, MODULES, WISH, WISH_FAILED, drawing_is_there
from common.places import CHECKOUT
from evaluation.models import GenerationRun, MetricRun, Rating, RunStatus, Study
from evaluation.services import demo
from evaluation.services.runs.generator import forget_generators
from evaluation.services.runs.request import RunDraft, run_render, run_resume
from evaluation.services.scoring.load import forget_metrics
from evaluation.services.scoring.request import RUN_PREFIX, metric_request, metric_retry
from evaluation.services.work import ladder
from evaluation.services.work.drawing import LOOK_AGAIN_S
from evaluation.tasks import metric_plan, metric_score_samples, run_draw_prompts


class NotInstalled(importlib.machinery.PathFinder):
    """Finds all modules but `MODULES`."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        return None if name.partition(".")[0] in MODULES else super().find_spec(name, path, target)


BLOCKED = f"""
import importlib.machinery, sys
from typing import Any
MODULES = {MODULES!r}
{inspect.getsource(NotInstalled)}
sys.meta_path[:] = [NotInstalled if each is importlib.machinery.PathFinder else each for each in sys.meta_path]
"""
"""The beginning of a program in which these modules are not installed."""

ANSWERS = {
    "every command's help": """
import contextlib, io, os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drawbench.settings")
import django
django.setup()
from django.core.management import call_command, get_commands, load_command_class
call_command("check")
for name, app in get_commands().items():
    if app == "evaluation":
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
            load_command_class(app, name).run_from_argv(["manage.py", name, "--help"])
        assert "usage" in out.getvalue(), name
        print(name)
""",
    "what serves, and every room but what scores": """
import drawbench.wsgi, drawbench.celery, evaluation.tasks, importlib, pkgutil
from django.urls import get_resolver
get_resolver().url_patterns
for room in ("suites", "protocols", "design", "analysis", "reports", "selectors", "services", "views", "api"):
    package = importlib.import_module(f"evaluation.{room}")
    for module in pkgutil.walk_packages(package.__path__, f"evaluation.{room}."):
        importlib.import_module(module.name)
print("served")
""",
    "an analysis": """
import pathlib, tempfile
from evaluation.analysis import read_ratings, analyse
head = "rater_id,prompt_id,category,generator_a,generator_b,question,choice"
rows = [f"r{i % 5},p{i % 7},All,one,two,alignment,{'a' if i % 3 else 'b'}" for i in range(35)]
file = pathlib.Path(tempfile.mkdtemp()) / "ratings.csv"
file.write_text("\\n".join([head, *rows]))
print(len(analyse(read_ratings(file)).comparisons))
""",
}


def _run(program: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + program, *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("what", ANSWERS)
def test_the_rest_needs_nothing_of_it(what: str) -> None:
    answer = _run(ANSWERS[what] + "\nassert not set(MODULES) & set(sys.modules)")
    assert answer.returncode == 0, answer.stderr
    if what == "every command's help":
        ours = {name for name, app in get_commands().items() if app == "evaluation"}
        assert set(answer.stdout.split()) >= ours and len(ours) > 20
    else:
        assert answer.stdout.split()


@pytest.mark.parametrize(
    "arguments",
    [
        ("generators.sample", "--generator", "cascade", "--prompt", "A red car", "--out", "TMP/out"),
        ("generators.cascade.weights_info", "generators/weights"),
        ("manage", "frechet", "TMP/one", "TMP/other", "--extractor", "efficientnet-lite0", "--format", "json"),
    ],
)
def test_what_draws_or_scores_names_the_command(arguments: Sequence[str], tmp_path: Path) -> None:
    module, *rest = arguments
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / name / f"{number}.png")
    program = f"import runpy\nrunpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    answer = _run(program, *[each.replace("TMP", str(tmp_path)) for each in rest])
    assert (answer.returncode, answer.stdout) == (2, "")
    assert INSTALL_DRAWING in answer.stderr and "is not installed" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: whoever imports it is told that it is not there."""
    forget_generators()
    forget_metrics()
    features = "evaluation.metrics.features"
    ours = ("generators.cascade.", "generators.world.", f"{features}.lite0", f"{features}.inception")
    for name in list(sys.modules):
        if name.partition(".")[0] in MODULES or name.startswith(ours):
            package, _, own = name.rpartition(".")
            if package in sys.modules and hasattr(sys.modules[package], own):  # afterwards it is the one of before
                monkeypatch.setattr(sys.modules[package], own, getattr(sys.modules[package], own))
            monkeypatch.delitem(sys.modules, name)
    finders = [NotInstalled if each is importlib.machinery.PathFinder else each for each in sys.meta_path]
    monkeypatch.setattr(sys, "meta_path", finders)


@pytest.mark.longest
@pytest.mark.django_db
@pytest.mark.usefixtures("not_installed")
def test_the_demonstration_can_be_rated_and_read(client: Client) -> None:
    assert not drawing_is_there()
    size = demo.DemoSize()
    assert demo.demo_ships(size)
    begun = demo.demo_begin(size=size, say=lambda line: None, wait=lambda run: pytest.fail("nothing is drawn"))
    simulated = Rating.objects.count()
    client.post(f"/r/join/{begun.invitation.key}", {"agree": "yes"})
    client.post("/r/instructions")
    page = client.get("/r/", follow=True)
    config = json.loads(page.content.decode().split('id="config" type="application/json">')[1].split("<")[0])
    trial = client.get(f"/r/next?rater={config['rater']}&after=-1").json()["trials"][0]
    answers = [
        {
            "assignment": trial["assignment"],
            "question": question,
            "choice": "left",
            "response_time_ms": 4000,
            "submission": f"6f1d3c9a-6c0e-5f0b-9d0a-3c5f1f6f2a1{number}",
        }
        for number, question in enumerate(("fidelity", "alignment"))
    ]
    rated = client.post("/r/rate", {"rater": config["rater"], "answers": answers}, "application/json")
    assert [each["status"] for each in rated.json()["answers"]] == ["saved", "saved"]
    assert Rating.objects.count() == simulated + 2
    client.force_login(begun.researcher)
    run = begun.runs[0]
    for path in ("/", "/generators/", "/runs/new/", f"/runs/{run.pk}/", "/studies/demo/"):
        assert client.get(path).status_code == 200, path
    shown = client.get(f"/runs/{run.pk}/").content.decode()
    for told in ("shipped with DrawBench", "WebP, lossy, quality 90", run.weights_fingerprint, "Run seed"):
        assert told in shown
    report = client.get("/studies/demo/report/", follow=True)
    assert report.status_code == 200 and "preference" in report.content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("not_installed")
class TestWorkers:
    """A worker that lacks it asks whoever installs it, and waits; elsewhere people are told the command."""

    @pytest.fixture
    def study(self) -> Study:
        return demo.demo_begin(size=demo.DemoSize(), say=lambda line: None, wait=lambda run: None).study

    @pytest.fixture
    def handed(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, float]]:
        handed: list[tuple[str, int, float]] = []
        monkeypatch.setattr(ladder, "hand_on", lambda task, pk, *_, after_s=0.0: handed.append((task, pk, after_s)))
        return handed

    def test_they_ask_and_wait_and_give_up(
        self, study: Study, handed: list[tuple[str, int, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken = GenerationRun.objects.get(name="cascade-w4")
        one = GenerationRun.objects.get(name="cascade-w1.5")
        run = run_render(RunDraft(suite=taken.suite, generator="cascade"), queue=False)
        score = metric_request(run=taken, metric="clip-score", queue=False).metric_run
        distance = metric_request(
            run=taken, metric="frechet", reference=f"{RUN_PREFIX}{one.name}", queue=False
        ).metric_run
        prompt, sample = run.suite.prompts.first(), taken.samples.first()
        assert prompt is not None and sample is not None

        def work() -> None:
            run_draw_prompts(run.pk, [prompt.pk])
            metric_score_samples(score.pk, [sample.pk])
            metric_plan(distance.pk)

        def told() -> list[tuple[str, str]]:
            scores = MetricRun.objects.filter(pk__in=[score.pk, distance.pk])
            rows: tuple[Any, ...] = (GenerationRun.objects.get(pk=run.pk), *scores)
            return [(row.status, row.message) for row in rows]

        wish = tmp_path / "wish"
        monkeypatch.setenv(WISH, str(wish))
        work()
        assert wish.exists()
        assert handed == [
            ("run_draw_prompts", run.pk, LOOK_AGAIN_S),
            ("metric_score_samples", score.pk, LOOK_AGAIN_S),
            ("metric_plan", distance.pk, LOOK_AGAIN_S),
        ]
        assert all(status in (RunStatus.QUEUED, RunStatus.RUNNING) and not message for status, message in told())

        wish.unlink()
        wish.with_name(wish.name + WISH_FAILED).touch()
        work()
        assert not wish.exists() and len(handed) == 3
        assert all(status == RunStatus.FAILED and message.endswith(INSTALL_DRAWING) for status, message in told())

        monkeypatch.delenv(WISH)  # a worker of somebody's own
        run_resume(run=run, queue=False)
        metric_retry(metric_run=score, queue=False)
        metric_retry(metric_run=distance, queue=False)
        work()
        assert all(status == RunStatus.FAILED and message.endswith(INSTALL_DRAWING) for status, message in told())
        assert settings.TASK_SECONDS > LOOK_AGAIN_S
