"""The demonstration's stations in this process, with quick stand-ins for the cascade and the metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from evaluation.errors import ConflictError, InputError
from evaluation.models import GenerationRun, MetricRun, MetricScore, Report, RunStatus
from evaluation.services import demo
from evaluation.services.runs.request import RunDraft
from evaluation.services.scoring.in_process import metric_work
from evaluation.services.suites.load import SuiteLoaded, suite_load
from tests.runs import steps

pytestmark = pytest.mark.django_db(transaction=True)

SIZE = demo.DemoSize(per_category=1, samples=2, size=64)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, no cascade, no network of the metrics'."""

    def load(*, source: str) -> SuiteLoaded:
        if source == "drawbench":
            raise InputError("no network in this test")
        return suite_load(source=source)

    def render(draft: RunDraft, **_: object) -> GenerationRun:
        return steps.ask(draft.suite, name=draft.name, run_seed=draft.run_seed)

    monkeypatch.setattr(demo, "suite_load", load)
    monkeypatch.setattr(demo, "run_render", render)
    monkeypatch.setattr(demo, "SCORES", ("testbright",))
    monkeypatch.setattr(demo, "DISTANCE", "testspread")


def work(scores: Sequence[MetricRun]) -> None:
    for each in scores:
        metric_work(metric_run=each)


def drawn(run: GenerationRun) -> None:
    steps.draw(run)


@dataclass(frozen=True)
class Prepared(demo.Demo):
    """A whole demonstration."""

    report: Report


def prepare(wait_scores: Callable[[Sequence[MetricRun]], None] = work) -> tuple[Prepared, list[str]]:
    said: list[str] = []
    begun = demo.demo_begin(size=SIZE, say=said.append, wait=drawn)
    report = demo.demo_finish(demo=begun, size=SIZE, say=said.append, wait=drawn, wait_scores=wait_scores)
    return Prepared(begun.suite, begun.runs, begun.study, begun.invitation, begun.researcher, report), said


def automatic(made: Prepared) -> Mapping[str, object] | None:
    section = made.report.results.get("automatic")
    assert section is None or isinstance(section, dict)
    return section


def test_all_runs_are_scored_and_the_report_holds_the_scores_against_the_raters() -> None:
    made, _ = prepare()
    assert {(each.metric, each.run.name, each.status) for each in MetricRun.objects.select_related("run")} == {
        ("testbright", "cascade-w1-1x2-64", RunStatus.DONE),
        ("testbright", made.runs[0].name, RunStatus.DONE),
        ("testbright", made.runs[1].name, RunStatus.DONE),
        ("testspread", made.runs[1].name, RunStatus.DONE),
    }
    section = automatic(made)
    assert section is not None and section["against_people"] is not None
    assert made.report.n_simulated > 0

    before = set(MetricScore.objects.values_list("pk", flat=True))
    again, said = prepare(wait_scores=lambda scores: pytest.fail("nothing is left to score"))
    assert again.report.pk == made.report.pk
    assert set(MetricScore.objects.values_list("pk", flat=True)) == before
    assert not any("left out" in line for line in said if "DrawBench" not in line)


def test_interrupted_while_it_scores_it_goes_on() -> None:
    def interrupted(_: Sequence[MetricRun]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(wait_scores=interrupted)
    made, _ = prepare()
    assert automatic(made) is not None
    assert MetricRun.objects.count() == 4


def test_without_what_a_metric_needs_it_is_left_out_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that are not there, a metric that is not installed: the demonstration is whole without."""
    monkeypatch.setattr(demo, "SCORES", ("object-checks",))
    monkeypatch.setattr(demo, "DISTANCE", "no-such-metric")
    made, said = prepare()
    assert automatic(made) is None and made.report.n_ratings > 0
    lines = [line for line in said if "is left out" in line and "DrawBench" not in line]
    assert [line.split(" is left out: ")[0] for line in lines] == ["no-such-metric", "object-checks"]
    assert "detector that you bring" in lines[1]
    monkeypatch.setattr(demo, "SCORES", ("testbright",))  # brought since
    made, _ = prepare()
    assert automatic(made) is not None


def test_where_no_worker_scores_it_goes_on_without() -> None:
    made, said = prepare(wait_scores=lambda scores: None)
    assert automatic(made) is None
    assert sum("is not finished yet" in line for line in said) == 2


def test_the_study_is_open_before_the_further_run_is_drawn() -> None:
    begun = demo.demo_begin(size=SIZE, say=lambda line: None, wait=drawn)
    assert begun.study.status == "open" and begun.invitation.revoked_at is None
    assert set(GenerationRun.objects.values_list("name", flat=True)) == {run.name for run in begun.runs}


def test_a_demonstration_of_other_runs_is_not_mixed_with_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an upgrade that draws at other guidance weights."""
    prepare()
    monkeypatch.setattr(demo, "GUIDANCE_WEIGHTS", (2.0, 5.0))
    with pytest.raises(ConflictError, match="other runs than cascade-w2-1x2-64 and cascade-w5-1x2-64"):
        prepare()
