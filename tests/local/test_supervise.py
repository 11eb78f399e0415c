"""What ends by itself is started again: at once, then later and later, with a line that says so."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from drawbench.local import services, supervise
from drawbench.local.errors import LocalError
from drawbench.local.places import Places
from drawbench.local.supervise import LONGEST_WAIT, STEADY, BackOff, Supervisor
from tests.faults.instance import Instance, within


def test_the_first_time_at_once_then_later_and_later() -> None:
    back_off = BackOff(started=0.0)
    now, waits = 10.0, []
    for _ in range(8):
        waits.append(back_off.ended(now))
        assert back_off.not_before == now + waits[-1]
        now += waits[-1]
        back_off.begun(now)
    assert waits == [0, 1, 2, 4, 8, 16, 30, LONGEST_WAIT]
    assert back_off.ended(now + STEADY + 1) == 0, "it ran for a while, so this is its first end again"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    monkeypatch.setattr(services, "gone", lambda places: [])
    return Supervisor(Places(tmp_path, None, tmp_path / "run"), [], told.append)


def _program(text: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", text], start_new_session=True)


def test_a_part_that_ends_is_started_again_with_all_that_it_left(supervisor: Supervisor, told: list[str]) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        started.append(_program("import time; time.sleep(600)"))
        return started[-1]

    supervisor.add("The worker", begin(), begin, "worker.log")
    supervisor.look()
    assert len(started) == 1 and told == []
    started[0].kill()
    supervisor.watch(until=lambda: len(started) == 2)
    assert told == ["The worker ended (killed by signal 9; log: worker.log). It is started again now."]
    assert supervisor._children == [started[1]], "this one is ended at the end"
    started[1].terminate()
    supervisor.watch(until=lambda: len(told) == 2)
    assert told[1].endswith("It is started again in 1 s.") and len(started) == 2
    supervisor.watch(until=lambda: len(started) == 3)
    started[2].kill()
    started[2].wait()


def test_one_that_cannot_be_started_is_tried_later(supervisor: Supervisor, told: list[str]) -> None:
    def begin() -> subprocess.Popen[bytes]:
        raise OSError(12, "Cannot allocate memory")

    supervisor.add("The worker", _program(""), begin, "worker.log")
    supervisor.watch(until=lambda: len(told) == 2)
    assert told[1] == "The worker could not be started (Cannot allocate memory). The next try is in 1 s."


def test_servers_that_do_not_come_back_are_tried_again(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing, tries = ["PostgreSQL", "Valkey"], []

    def up(places: Places) -> Places:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise LocalError("The disk is full.")
        missing.clear()
        return places

    monkeypatch.setattr(services, "gone", lambda places: list(missing))
    monkeypatch.setattr(services, "up", up)
    monkeypatch.setattr(supervise, "LOOK_AT_SERVICES_EVERY", 0.0)
    Supervisor(Places(tmp_path, None, tmp_path / "run"), [], told.append).watch(until=lambda: not missing)
    assert told == [
        "PostgreSQL and Valkey ended. They are started again now.",
        "The disk is full.\nThe next try is in 1 s.",
        "PostgreSQL and Valkey run again.",
    ]
    assert tries[1] - tries[0] >= 1


@pytest.mark.longest
@pytest.mark.slow
def test_what_a_person_stops_stays_stopped(fresh: Places, tmp_path: Path) -> None:
    instance = Instance(fresh, tmp_path / "said")
    instance.start("serve", "--no-worker")
    assert instance.process is not None
    try:
        assert within(90, instance.healthy), instance.words()
        stopped = instance.python("-m", "drawbench.local", "down", "--force")
        assert stopped.stdout == "Stopped PostgreSQL and Valkey.\n"
        assert instance.process.wait(40) == 2
    finally:
        instance.process.kill()
    assert "were stopped by `./dev stop --force`, so this has ended as well" in instance.words()
    assert [service.pid for service in services.status(fresh)] == [None, None]
