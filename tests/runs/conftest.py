"""A plug-in generator, suites for it, and real workers on the test database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection
from pytest_django.fixtures import Settings

from drawbench.celery import app
from evaluation.models import Suite
from evaluation.services.runs.generator import forget_generators
from evaluation.services.suites.load import suite_load

PLUGINS = Path(__file__).resolve().parents[1] / "plugins"
CHECKOUT = PLUGINS.parents[1]


@pytest.fixture(autouse=True)
def plugin(
    monkeypatch: pytest.MonkeyPatch, local_services: object, tmp_path: Path, settings: Settings
) -> Iterator[None]:
    """The generator testpaint is installed, and nothing is loaded, counted, queued or stored from an earlier test."""
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.syspath_prepend(str(PLUGINS))
    cache.clear()
    app.control.purge()
    _forget_what_killed_workers_held()
    yield
    forget_generators()


def _forget_what_killed_workers_held() -> None:
    """The queue's purge leaves it. A sweep would take it for work that waits, and look again a minute later."""
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        channel.client.delete(channel.unacked_key, channel.unacked_index_key)


@pytest.fixture
def make_suite(db: None) -> Callable[..., Suite]:
    """A suite of the prompts given."""

    def make(*prompts: str, name: str = "words") -> Suite:
        return suite_load(source="\n".join(prompts).encode(), name=name).suite

    return make


class Worker:
    """A Celery worker, of one process unless told otherwise, in a session of its own."""

    def __init__(self, log: Path, *, concurrency: int = 1, **environment: str) -> None:
        self.log = log
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "-A", "drawbench", "worker"),
                *("--concurrency", str(concurrency), "--loglevel", "INFO", "--without-gossip", "--without-mingle"),
                *("--hostname", f"test-{os.getpid()}-{time.monotonic_ns()}@%h"),
            ],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.runs.worker_settings",
                "WORKER_TEST_DATABASE": str(connection.settings_dict["NAME"]),
                "WORKER_TEST_MEDIA": str(django_settings.MEDIA_ROOT),
                "PYTHONPATH": os.pathsep.join([str(PLUGINS), str(CHECKOUT)]),
                **environment,
            },
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self) -> None:
        """kill -9 of all its processes at once, as the kernel or a person does it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def start_worker(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers, which are killed when the test ends; their log is shown when it failed."""
    workers: list[Worker] = []

    def start(*, concurrency: int = 1, **environment: str) -> Worker:
        log = tmp_path / f"worker-{len(workers)}.log"
        workers.append(Worker(log, concurrency=concurrency, **environment))
        return workers[-1]

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.kill()
        print(worker.log.read_text()[-6000:])


def until(condition: Callable[[], bool], *, seconds: float = 120.0) -> None:
    """Wait for something that a worker does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time; see the worker's log below"
        time.sleep(0.05)
