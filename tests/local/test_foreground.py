"""The words that stay in the foreground, as a person runs them: started, looked at, interrupted, killed."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from common.places import CHECKOUT
from drawbench.local import foreground, services
from drawbench.local.errors import LocalError
from drawbench.local.places import Places


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def start(fresh: Places, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start_word(*arguments: str) -> subprocess.Popen[bytes]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("DRAWBENCH_", "DJANGO_"))
        }
        with (tmp_path / "said").open("ab") as said:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "drawbench.local", *arguments],
                    cwd=CHECKOUT,
                    env=environment | {"DRAWBENCH_VAR": str(fresh.var)},
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    # a test run in the background ignores Ctrl-C, and its children would before their own code runs
                    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                )
            )
        return started[-1]

    yield start_word
    for process in started:
        process.kill()
        process.wait()


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return holds()


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _answer_to_chunks(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
        head = f"POST /r/rate HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n"
        sender.sendall(head.encode() + b"2\r\n{}\r\n0\r\n\r\n")
        return sender.recv(4096)


def _processes_of(places: Places) -> list[str]:
    """Command lines of living processes that belong to the instance."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE:
            command = " ".join(process.info["cmdline"] or [])
            ours = (process.info["environ"] or {}).get("DRAWBENCH_VAR") == str(places.var)
            if ours or str(places.var) in command:
                found.append(command)
    return found


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.worker
def test_serve_until_interrupted_and_again(
    start: Callable[..., subprocess.Popen[bytes]], fresh: Places, tmp_path: Path
) -> None:
    port = _free_port()
    serving = start("serve", "--port", str(port))
    assert _within(90, lambda: _healthy(port)), (tmp_path / "said").read_text()
    assert _answer_to_chunks(port).startswith(b"HTTP/1.1 403 "), "read by the front, and refused without a cookie"
    assert _within(30, lambda: b" ready." in (fresh.logs / "worker.log").read_bytes())
    serving.send_signal(signal.SIGINT)
    assert serving.wait(40) == 130
    assert _processes_of(fresh) == []

    again = start("serve", "--port", str(port), "--no-worker")
    assert _within(60, lambda: _healthy(port)), (tmp_path / "said").read_text()
    again.kill()
    assert _within(20, lambda: not _healthy(port)), "the web server must not outlive its supervisor"


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.parametrize("after", [0.4, 1.0])
def test_interrupted_at_any_moment_nothing_is_left(
    after: float, start: Callable[..., subprocess.Popen[bytes]], fresh: Places, tmp_path: Path
) -> None:
    serving = start("serve", "--port", str(_free_port()))
    time.sleep(after)
    serving.send_signal(signal.SIGINT)
    ended = serving.wait(60)
    said = (tmp_path / "said").read_text()
    assert ended in (130, -signal.SIGINT), said  # the latter: before a line of ours ran, on a busy machine
    assert ended != 130 or "Traceback" not in said
    assert _processes_of(fresh) == []
    services.up(fresh, fast=True)
    assert all(service.answers for service in services.status(fresh))


@pytest.mark.slow
def test_a_study_has_its_services_and_leaves_nothing(
    start: Callable[..., subprocess.Popen[bytes]], fresh: Places, tmp_path: Path
) -> None:
    """From nothing: a database is made and migrated, the command says what is wrong with what was asked, all ends."""
    studying = start("study", "imagen-small", "--simulated-share", "2")
    assert studying.wait(120) == 2
    said = (tmp_path / "said").read_text()
    assert "--simulated-share must be from 0 to 1" in said and "is not running" not in said and "Traceback" not in said
    assert fresh.cluster.is_dir() and _processes_of(fresh) == []


def test_a_workers_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreground, "cores", lambda: 16)
    assert foreground.worker_environment(4)["OMP_NUM_THREADS"] == "4"
    assert foreground.worker_environment(32)["OMP_NUM_THREADS"] == "1"
    processes = foreground.worker_concurrency()
    assert 1 <= processes <= 8
    command = foreground.worker_command(3)
    assert command[command.index("--concurrency") + 1] == "3"


@pytest.mark.parametrize("port", [0, 70000])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(LocalError, match="between 1 and 65535"):
        foreground.serve(port=port, with_worker=False)
