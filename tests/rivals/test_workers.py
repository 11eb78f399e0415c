"""Each rival draws a suite through real workers, with a kill in the middle: nothing is lost and nothing comes twice."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from evaluation.errors import InputError
from evaluation.models import GenerationRun, RunStatus, Suite
from evaluation.selectors.runs import run_progress
from evaluation.services.runs import draw as run_draw
from evaluation.services.runs.export import run_export
from evaluation.services.runs.request import RunDraft, run_render, run_resume
from tests.rivals.conftest import declare, openai_like
from tests.rivals.server import KEY, Service
from tests.rivals.test_command import HEAD, LOOP, READY
from tests.runs.conftest import make_suite, plugin, start_worker, until  # noqa: F401  (fixtures)
from tests.runs.steps import draw

N_PROMPTS = 10
GATE = """
    while word == "gate" and int(r["prompt_id"]) > 2 and not os.path.exists("gate"): time.sleep(0.02)
"""
"""Lines of the program: its first prompts pass, the others once a file lies beside it."""

MakeSuite = Callable[..., Suite]


@pytest.fixture
def declared(folder: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service and a program, as an operator declares them."""
    monkeypatch.setenv("TESTS_KEY", KEY)
    declare(folder, "tests", **openai_like(service, price={"image_usd": 0.25}))
    (folder / "programs" / "p.py").write_text(HEAD + READY + LOOP.replace("    Image.new", GATE + "    Image.new"))
    fields: dict[str, Any] = {"schema": "drawbench-program/1", "summary": "of the tests", "version": "1"}
    declare(folder, "p", "programs", command=[sys.executable, "p.py"], **fields)
    return folder


def ask(suite: Suite, generator: str, parameters: dict[str, object], **changes: Any) -> GenerationRun:
    draft = {"samples_per_prompt": 2, "name": generator, **changes}
    queue = draft.pop("queue", False)
    return run_render(RunDraft(suite=suite, generator=generator, parameters=parameters, **draft), queue=queue)


@pytest.mark.longest
@pytest.mark.worker
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_each_rival_survives_the_kill_of_its_worker(
    declared: Path,
    service: Service,
    make_suite: MakeSuite,  # noqa: F811
    start_worker: Callable[..., Any],  # noqa: F811
    tmp_path: Path,
) -> None:
    """All are killed at once, each with some of its images made and some not: the gate lets no run be done before."""
    suite = make_suite(*(f"gate: {number}" for number in range(N_PROMPTS)))
    runs = [
        ask(suite, "http", {"service": "tests"}, queue=True),
        ask(suite, "command", {"program": "p"}, queue=True),
    ]
    if importlib.util.find_spec("diffusers") is not None:
        from tests.rivals import tiny

        stages = [{"model": str(tiny.stable_diffusion(tmp_path / "sd"))}]
        declare(declared, "sd", "pipelines", schema="drawbench-pipeline/1", summary="", stages=stages)
        runs.append(ask(suite, "diffusers", {"pipeline": "sd", "steps": 40}, queue=True))
    worker = start_worker(concurrency=len(runs), WORKER_TEST_RIVALS=str(declared))
    until(lambda: all(run_progress(run).made for run in runs))
    worker.kill()
    before = {run.pk: set(run.samples.values_list("pk", flat=True)) for run in runs}
    for run in runs:
        run.refresh_from_db()
        assert run.status == RunStatus.RUNNING, run
        assert 0 < len(before[run.pk]) < 2 * N_PROMPTS, run
    service.gate.set()
    (declared / "programs" / "gate").touch()
    start_worker(concurrency=len(runs), WORKER_TEST_RIVALS=str(declared))
    for run in runs:
        until(lambda run=run: GenerationRun.objects.get(pk=run.pk).status == RunStatus.DONE)  # type: ignore[misc]
        places = Counter(run.samples.values_list("prompt__number", "sample"))
        assert places == {(prompt, sample): 1 for prompt in range(N_PROMPTS) for sample in range(2)}
        assert len(set(run.samples.values_list("image", flat=True))) == 2 * N_PROMPTS
        assert before[run.pk] <= set(run.samples.values_list("pk", flat=True)), "an image was drawn again"
        assert KEY not in json.dumps([GenerationRun.objects.get(pk=run.pk).provenance, run.parameters])


@pytest.mark.django_db
def test_a_refused_key_and_a_spent_quota_end_a_run_that_is_resumed_later(
    declared: Path,
    service: Service,
    make_suite: MakeSuite,  # noqa: F811
    plugin: None,  # noqa: F811
) -> None:
    run = ask(make_suite("a fox", "a heron", "moderation: a birch"), "http", {"service": "tests"})
    service.mood = "quota"
    draw(run)
    assert run.status == RunStatus.FAILED and run.failures.count() == 0
    assert run.message == "the quota at tests is spent (status 429): pay. Add to it there, and resume the run."
    service.mood = ""
    run_resume(run=run, queue=False)
    draw(run)
    assert run.status == RunStatus.DONE and run.samples.count() == 4
    assert set(run.failures.values_list("kind", "attempts")) == {("refused", 1)}


@pytest.mark.django_db
def test_a_key_that_a_service_repeats_stands_in_no_row_no_file_and_no_log(
    declared: Path,
    service: Service,
    make_suite: MakeSuite,  # noqa: F811
    plugin: None,  # noqa: F811
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = ask(make_suite("parrot: a fox", "broken: a heron"), "http", {"service": "tests"})
    draw(run)
    run_export(run=run, folder=tmp_path / "exported")
    assert run.samples.count() == 2 and set(run.failures.values_list("kind", flat=True)) == {"crash"}
    rows = 0
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT count(*), count(*) FILTER (WHERE t::text LIKE %s) FROM "{table}" t', [f"%{KEY}%"])
            n_rows, n_with_key = cursor.fetchone()
            rows += n_rows
            assert not n_with_key, table
    assert rows > 10
    files = [path for path in (tmp_path / "exported").rglob("*") if path.is_file()]
    assert len(files) >= 3 and not [path for path in files if KEY.encode() in path.read_bytes()]
    told = run.samples.first()
    assert told is not None and told.provenance["model_snapshot"] == "Bearer [the key]"
    assert KEY not in caplog.text


@pytest.mark.django_db
def test_a_run_costs_no_more_than_its_budget(
    declared: Path,
    service: Service,
    make_suite: MakeSuite,  # noqa: F811
    plugin: None,  # noqa: F811
) -> None:
    suite = make_suite(*(f"picture {number}" for number in range(4)))
    with pytest.raises(InputError, match=r"8 images are expected to cost about \$2\.00, .* budget of \$1\.10"):
        ask(suite, "http", {"service": "tests"}, budget_usd=1.1)
    run = ask(suite, "http", {"service": "tests"}, budget_usd=2.0)
    GenerationRun.objects.update(budget_usd=1.1)
    draw(run)
    assert (run.status, run.samples.count(), run.spent_usd) == (RunStatus.FAILED, 4, 1.0)
    assert sum(service.asked.values()) == 4
    assert run.message.startswith("The budget of $1.10 is spent: $1.00 so far.")
    with pytest.raises(InputError, match="above 0"):
        run_resume(run=run, queue=False, budget_usd="-3")
    run_resume(run=run, queue=False, budget_usd="2.5")
    draw(run)
    assert (run.status, run.samples.count(), run.spent_usd) == (RunStatus.DONE, 8, 2.0)


@pytest.mark.django_db
def test_a_service_that_wants_patience_is_asked_many_times(
    declared: Path,
    service: Service,
    make_suite: MakeSuite,  # noqa: F811
    plugin: None,  # noqa: F811
) -> None:
    run = ask(make_suite("busy: a fox"), "http", {"service": "tests"}, samples_per_prompt=1)
    left = run_draw.run_draw(run_pk=run.pk, prompt_pks=run_draw.run_chunks(run)[0], seconds=60)
    assert left is not None and 60 < left.after_s <= 77
    failure = run.failures.get()
    assert (failure.kind, failure.retrying) == ("rate_limited", True)
    run.failures.update(attempts=run_draw.PATIENT_TRIES - 2)
    run_draw.forget_generators()
    run_draw.run_draw(run_pk=run.pk, prompt_pks=[failure.prompt_id], seconds=60)
    assert run.failures.get().retrying
