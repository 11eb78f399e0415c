"""The task's limit on time, over runs and scores: who met it goes alone, and who meets it alone says so."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from billiard.pool import SIG_SOFT_TIMEOUT, soft_timeout_sighandler
from celery.exceptions import SoftTimeLimitExceeded

from evaluation.metrics.spec import SampleScore
from evaluation.models import RunStatus
from evaluation.services.work.deaths import ALONE_DEATHS
from evaluation.services.work.items import AGAIN_AFTER_S, Left
from generators.contract import Failure, FailureKind, ImageResult
from tests.work.conftest import Kind, learned

pytestmark = pytest.mark.django_db


def test_a_batch_that_met_the_limit_goes_one_by_one_and_what_is_alone_says_so(
    kind: Kind, monkeypatch: pytest.MonkeyPatch, batches: list[list[Any]]
) -> None:
    row = kind.ask(4)
    keys = kind.keys(row)
    learned(kind, row)
    slow = kind.item(keys[2])
    do = kind.work.do

    def ring(self: Any, batch: Sequence[Any], limit: Any) -> Any:
        if slow in batch:
            batches.append(list(batch))
            raise SoftTimeLimitExceeded
        return do(self, batch, limit)

    monkeypatch.setattr(kind.work, "do", ring)
    batches.clear()
    left = kind.on(row)
    assert left == Left(keys[1:]) and batches == [[kind.item(key) for key in keys[1:]]] and kind.made(row) == [0]
    for _ in range(10):
        left = kind.on(row)
        if left is None:
            break
    assert all(len(batch) == 1 for batch in batches[1:])
    assert row.status == RunStatus.DONE and kind.made(row) == [0, 1, 3]
    (message,) = kind.failures(row)
    assert "exceeded the time limit" in message


def test_loading_that_met_the_limit_is_tried_again_later(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    row = kind.ask(2)

    def ring(self: object) -> None:
        raise SoftTimeLimitExceeded

    with monkeypatch.context() as patched:
        patched.setattr(kind.work, "load", ring)
        assert kind.on(row) == Left(kind.keys(row), AGAIN_AFTER_S)
        for _ in range(ALONE_DEATHS):
            kind.on(row)
    assert row.status == RunStatus.FAILED and "exceeded the time limit" in row.message


@pytest.fixture
def celery_rings() -> Iterator[None]:
    """The handler that a worker's process has for its limit."""
    before = signal.signal(SIG_SOFT_TIMEOUT, soft_timeout_sighandler)
    yield
    signal.signal(SIG_SOFT_TIMEOUT, before)


@pytest.mark.usefixtures("celery_rings")
def test_a_plug_in_that_takes_the_limit_for_a_fault_of_its_own_deceives_nobody(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = kind.ask(1)

    def swallow(words: str) -> str:
        try:
            signal.raise_signal(SIG_SOFT_TIMEOUT)
        except Exception:
            return words
        raise AssertionError("nothing rang")

    def generate(self: object, requests: Sequence[Any]) -> Iterator[ImageResult]:
        for request in requests:
            yield ImageResult(request.key, failure=Failure(FailureKind.CRASH, swallow("out of paint")))

    def score(self: object, images: Sequence[Any]) -> list[SampleScore]:
        return [SampleScore(None, swallow("out of light")) for _ in images]

    monkeypatch.setattr("testpaint.Testpaint.generate", generate)
    monkeypatch.setattr("testmetric.Bright.score", score)
    for _ in range(5):
        if row.status not in (RunStatus.QUEUED, RunStatus.RUNNING):
            break
        kind.on(row)
    assert row.status == RunStatus.FAILED
    (message,) = kind.failures(row)
    assert "exceeded the time limit" in message and "out of" not in message
    assert signal.getsignal(SIG_SOFT_TIMEOUT) is soft_timeout_sighandler
