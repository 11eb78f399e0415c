"""Both kinds of work behind one face, so that each scenario of the machine is played over runs and over scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from evaluation import tasks
from evaluation.models import GenerationRun, MetricRun
from evaluation.services.runs import draw, request
from evaluation.services.runs.generator import forget_generators
from evaluation.services.scoring import request as score_request
from evaluation.services.scoring import score
from evaluation.services.scoring.load import forget_metrics
from evaluation.services.suites.load import suite_load
from evaluation.services.work.items import ItemWork, Left, work_on
from tests.metric_services import steps as score_steps
from tests.runs import steps as run_steps
from tests.runs.conftest import plugin, start_worker  # noqa: F401  (fixtures)

Row = GenerationRun | MetricRun


def _prompts(n: int) -> list[str]:
    return [f"prompt {number}" for number in range(n)]


@dataclass(frozen=True)
class Kind:
    """One kind of work. `ask(n, slow=, queue=)`: a job of n items; `made`: the numbers of the prompts that are done."""

    name: str
    work: type[ItemWork[Any, Any]]
    ask: Callable[..., Row]
    opened: Callable[[int], ItemWork[Any, Any] | None]
    made: Callable[[Row], list[int]]
    failures: Callable[[Row], list[str]]
    stop: Callable[[Row], Row]
    go_on: Callable[[Row], Row]
    retry: Callable[[Row], Row]
    begin: Any
    share: Any

    def on(self, row: Row, keys: Sequence[int] | None = None, *, seconds: float = 60.0) -> Left | None:
        """Work on these keys of the job, or on all of it, as a worker does."""
        work = self.opened(row.pk)
        assert work is not None
        left = work_on(work, list(keys if keys is not None else self.keys(row)), seconds=seconds)
        row.refresh_from_db()
        return left

    def keys(self, row: Row) -> list[int]:
        """All keys of what is missing."""
        return [key for chunk in self.work(row).chunks() for key in chunk]

    def item(self, key: int) -> Any:
        """The one item of a key."""
        return (key, 0) if self.work is draw.Drawing else key


def _ask_run(n: int, *, slow: float = 0.0, queue: bool = False) -> GenerationRun:
    suite = suite_load(source="\n".join(_prompts(n)).encode(), name="words").suite
    asked: dict[str, Any] = {"parameters": {"slow": slow}, "samples_per_prompt": 1}
    run = run_steps.ask(suite, **asked)
    return request.run_resume(run=run) if queue else run


def _ask_score(n: int, *, slow: float = 0.0, queue: bool = False) -> MetricRun:
    run = score_steps.grey_run({prompt: [number] for number, prompt in enumerate(_prompts(n))})
    return score_steps.ask(run, parameters={"slow": slow}, queue=queue)


RUNS = Kind(
    name="runs",
    work=draw.Drawing,
    ask=_ask_run,
    opened=draw.run_drawing,
    made=lambda run: list(run.samples.order_by("prompt__number").values_list("prompt__number", flat=True)),  # type: ignore[union-attr]
    failures=lambda run: list(run.failures.values_list("message", flat=True)),  # type: ignore[union-attr]
    stop=lambda run: request.run_cancel(run=run),  # type: ignore[arg-type]
    go_on=lambda run: request.run_resume(run=run, queue=False),  # type: ignore[arg-type]
    retry=lambda run: request.run_retry(run=run, queue=False),  # type: ignore[arg-type]
    begin=tasks.run_begin,
    share=tasks.run_draw_prompts,
)

SCORES = Kind(
    name="scores",
    work=score.Scoring,
    ask=_ask_score,
    opened=score.metric_scoring,
    made=lambda row: list(
        row.scores.exclude(value=None)  # type: ignore[union-attr]
        .order_by("sample__prompt__number")
        .values_list("sample__prompt__number", flat=True)
    ),
    failures=lambda row: list(row.scores.filter(value=None).values_list("why", flat=True)),  # type: ignore[union-attr]
    stop=lambda row: score_request.metric_cancel(metric_run=row),  # type: ignore[arg-type]
    go_on=lambda row: score_request.metric_retry(metric_run=row, queue=False),  # type: ignore[arg-type]
    retry=lambda row: score_request.metric_retry(metric_run=row, queue=False),  # type: ignore[arg-type]
    begin=tasks.metric_begin,
    share=tasks.metric_score_samples,
)


@pytest.fixture(params=[RUNS, SCORES], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Runs, and then scores."""
    assert isinstance(request.param, Kind)
    return request.param


@pytest.fixture(autouse=True)
def nothing_loaded(plugin: None) -> Iterator[None]:  # noqa: F811  (the fixture of that name)
    """No generator and no metric is left from an earlier test."""
    forget_metrics()
    yield
    forget_metrics()
    forget_generators()


@pytest.fixture
def batches(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """The batches that are done, as they come."""
    done: list[list[Any]] = []
    do = kind.work.do

    def noted(self: ItemWork[Any, Any], batch: Sequence[Any], limit: Any) -> Any:
        done.append(list(batch))
        return do(self, batch, limit)

    monkeypatch.setattr(kind.work, "do", noted)
    return done


def learned(kind: Kind, row: Row) -> None:
    """Let the process learn the pace, so that what comes next comes in batches of more than one."""
    assert kind.on(row, kind.keys(row)[:1]) is None
