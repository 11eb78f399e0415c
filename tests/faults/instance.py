"""A whole instance as a person starts it (`./dev serve`), with raters at work in it, to be broken and watched."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from celery import Celery

from common.places import CHECKOUT
from drawbench.local.places import Places

TOKEN = "a" * 32


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return holds()


def environment_of(places: Places) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DRAWBENCH_", "DJANGO_"))}
    return kept | {"DRAWBENCH_VAR": str(places.var)}


@dataclass
class Instance:
    """`python -m drawbench.local serve`, which is what `./dev serve` becomes."""

    places: Places
    said: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self, word: str = "serve", *arguments: str) -> None:
        with self.said.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "drawbench.local", word, "--port", str(self.port), *arguments],
                cwd=CHECKOUT,
                env=environment_of(self.places),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                # a test run in the background ignores Ctrl-C, and its children would before their own code runs
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def words(self) -> str:
        return self.said.read_text(errors="replace")

    def healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def works(self) -> bool:
        """Whether a worker answers; it waits for the first alone."""
        application = Celery(broker=f"redis+socket://{self.places.valkey_socket}?virtual_host=0", set_as_current=False)
        try:
            return bool(application.control.inspect(timeout=1.0, limit=1).ping())
        except Exception:  # whatever the client makes of a server that is away
            return False
        finally:
            with contextlib.suppress(Exception):
                application.close()

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("manage.py", *arguments)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=CHECKOUT,
            env=environment_of(self.places),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def processes(self) -> dict[str, list[psutil.Process]]:
        """All living processes of the instance but `serve` itself, by what they are."""
        found: dict[str, list[psutil.Process]] = {}
        for process in psutil.process_iter(["cmdline", "environ", "status", "ppid", "uids"]):
            info = process.info
            if info["status"] == psutil.STATUS_ZOMBIE or self.process is None or process.pid == self.process.pid:
                continue
            command = " ".join(info["cmdline"] or [])
            ours = (info["environ"] or {}).get("DRAWBENCH_VAR") == str(self.places.var)
            if ours or str(self.places.var) in command or self._is_renamed_child(process, command):
                found.setdefault(self._kind(process, command), []).append(process)
        return found

    def _is_renamed_child(self, process: psutil.Process, command: str) -> bool:
        """PostgreSQL's and nginx's processes write what they do over their command lines and environments."""
        if not command.startswith(("postgres: ", "nginx: ")):
            return False
        with contextlib.suppress(psutil.Error):
            above = " ".join((process.parent() or process).cmdline())
            return str(self.places.cluster) in above or str(self.places.front(self.port)) in above
        return False

    def _kind(self, process: psutil.Process, command: str) -> str:
        with contextlib.suppress(psutil.Error):
            above = " ".join((process.parent() or process).cmdline())
            if command.startswith("postgres: "):
                return "a process of PostgreSQL"
            if command.startswith("nginx: worker"):
                return "a process of the front"
            if str(self.places.front(self.port)) in command:
                return "the front"
            if "valkey" in command or "redis-server" in command:
                return "Valkey"
            if str(self.places.cluster) in command:
                return "PostgreSQL"
            if "granian" in command or "granian" in above:
                if "resource_tracker" in command:
                    return "a helper of the web server"
                return "a web process" if "granian" in above else "the web server"
            if "celery" in command:
                return "a worker process" if "celery" in above else "the worker"
        return f"unknown: {command}"


@dataclass
class RaterAtWork:
    """A rater's browser: answers trial after trial, and sends an answer again until it is acknowledged."""

    port: int
    key: str
    cookie: str
    csrf_cookie: str
    pause: float = 0.6
    acknowledged: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    last: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        after = -1
        while not self.stop.is_set():
            told = self._until_answered("GET", f"/r/next?rater={self.key}&after={after}")
            for trial in (told or {}).get("trials", [])[:1]:
                submissions = {question: str(uuid4()) for question in ("fidelity", "alignment")}
                answers = [
                    {
                        "assignment": trial["assignment"],
                        "question": question,
                        "choice": "left",
                        "response_time_ms": 900,
                        "submission": submission,
                    }
                    for question, submission in submissions.items()
                ]
                saved = self._until_answered("POST", "/r/rate", {"rater": self.key, "answers": answers})
                if saved is None:
                    return
                assert all(each["status"] in {"saved", "repeated"} for each in saved["answers"]), saved
                self.acknowledged += submissions.values()
                after = trial["position"]
            self.last = time.monotonic()
            self.stop.wait(self.pause)

    def _until_answered(self, method: str, path: str, body: object = None) -> dict[str, Any] | None:
        while not self.stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                headers = {
                    "Cookie": f"rater={self.cookie}; {self.csrf_cookie}={TOKEN}",
                    "X-CSRFToken": TOKEN,
                    "Content-Type": "application/json",
                }
                connection.request(method, path, json.dumps(body) if body else None, headers)
                answer = connection.getresponse()
                content = answer.read()
                self.statuses.append(answer.status)
                if answer.status == 200:
                    told: dict[str, Any] = json.loads(content)
                    return told
                assert answer.status in {500, 503}, (answer.status, content)
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.1)
        return None
