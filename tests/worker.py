"""A real Celery worker for tests: a process of its own on the tests' database and broker, which can be killed."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

from common.places import CHECKOUT
from drawbench.local import foreground
from tests.settings import DATABASE_VARIABLE

START_PATIENCE = 60.0


@dataclass
class WorkerProcess:
    """A worker and its pool. `kill` is kill -9 of all of it; `start` afterwards starts another.

    log: what the worker says, for the message of a test that fails.
    """

    log: Path
    concurrency: int = 1
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        assert self._process is not None, "the worker has not been started"
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it takes tasks. Raises RuntimeError with its log when it does not come."""
        said_before = self.log.stat().st_size if self.log.exists() else 0
        environment = os.environ | foreground.worker_environment(self.concurrency)
        environment |= {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            DATABASE_VARIABLE: str(connection.settings_dict["NAME"]),
        }
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                foreground.worker_command(self.concurrency),
                cwd=CHECKOUT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_PATIENCE
        while b" ready." not in self.log.read_bytes()[said_before:]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the worker did not start:\n{self.log.read_text(errors='replace')[said_before:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End the worker and its pool at once, as a power cut or the kernel's memory killer would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Let it finish what it has, then end it."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            self.kill()
