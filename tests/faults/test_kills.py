"""Every process of `./dev serve` is killed under raters, and comes back without a hand; nothing is lost or doubled."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from drawbench.local.places import Places
from tests.faults.instance import Instance, RaterAtWork, within

RATERS = 4
PROMPTS = 300
PATIENCE = 90.0

KINDS = [
    "the front",
    "a process of the front",
    "the web server",
    "a web process",
    "PostgreSQL",
    "a process of PostgreSQL",
    "Valkey",
    "the worker",
    "a worker process",
    "a helper of the web server",
]
"""What `Instance.processes` finds; a process of another kind fails the test, so that none is left untried."""

NEEDED = {
    "the front": 1,
    "a process of the front": 1,
    "the web server": 1,
    "a web process": 2,
    "PostgreSQL": 1,
    "Valkey": 1,
    "the worker": 1,
    "a worker process": 1,
}


@pytest.fixture
def instance(fresh: Places, tmp_path: Path) -> Iterator[Instance]:
    made = Instance(fresh, tmp_path / "said")
    made.start()
    assert within(PATIENCE, made.healthy), made.words()
    yield made
    assert made.process is not None
    made.process.terminate()
    made.process.wait(60)


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.worker
def test_every_process_comes_back_and_nothing_is_lost(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    made = instance.python("-m", "tests.faults.small_study", str(PROMPTS), str(RATERS))
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    raters = [RaterAtWork(instance.port, each["key"], each["cookie"], told["csrf_cookie"]) for each in told["raters"]]
    threads = [threading.Thread(target=rater.work, daemon=True) for rater in raters]
    for thread in threads:
        thread.start()
    assert within(PATIENCE, lambda: _serves(instance, raters, 0.0)), instance.words()

    seconds: dict[str, float] = {}
    for kind in [*KINDS, "all at once"]:
        found = instance.processes()
        assert set(found) <= set(KINDS), "a process that this test does not know"
        victims = found.get(kind, [])[: 2 if kind == "a web process" else 1]
        if kind == "all at once":
            victims = [process for each in found.values() for process in each]
        if not victims:
            continue  # the helper is there with some versions of Python alone
        killed = time.monotonic()
        for victim in victims:
            with contextlib.suppress(psutil.Error):
                victim.kill()
        came_back = within(PATIENCE, lambda at=killed: _serves(instance, raters, at))  # type: ignore[misc]
        assert came_back, f"{kind} was killed:\n{instance.words()}\n{instance.processes()}"
        seconds[kind] = time.monotonic() - killed

    for rater in raters:
        rater.stop.set()
    for thread in threads:
        thread.join(30)
    kept = json.loads(instance.python("-m", "tests.faults.small_study", "--count").stdout)
    acknowledged = [submission for rater in raters for submission in rater.acknowledged]
    lost = set(acknowledged) - {submission for submission, _, _ in kept}
    doubled = len(kept) - len({(assignment, question) for _, assignment, question in kept})
    faults = sum(status == 500 for rater in raters for status in rater.statuses)
    with capsys.disabled():
        print(f"\n{len(acknowledged)} ratings acknowledged, {len(lost)} lost, {doubled} doubled, {faults} faults (500)")
        for kind, took in seconds.items():
            print(f"  {kind}: in service again after {took:.1f} s")
    assert len(acknowledged) > 50
    assert (lost, doubled, faults) == (set(), 0, 0)
    words = instance.words()
    for what in (
        "The front ended (killed by",
        "The web server ended (killed by",
        "The worker ended (killed by",
        "PostgreSQL ended",
        "Valkey ended",
    ):
        assert what in words
    assert set(seconds) >= {*NEEDED, "a process of PostgreSQL", "all at once"}
    assert "Valkey runs again." in words and "Traceback" not in words


def _serves(instance: Instance, raters: list[RaterAtWork], since: float) -> bool:
    """Whether everything is there and at work again: pages, each rater, a worker, all processes."""
    found = instance.processes()
    return (
        all(len(found.get(kind, [])) >= n for kind, n in NEEDED.items())
        and all(rater.last > since for rater in raters)
        and instance.healthy()
        and instance.works()
    )
