"""What every test may use: an embedded PostgreSQL and Valkey of this run's own, started when first asked for."""

import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pytest_django.fixtures import Settings

from common.vision_operators import torchvision_importable
from drawbench.local import services
from drawbench.local.places import Places, places_of
from tests import chromium
from tests import settings as test_settings
from tests.worker import WorkerProcess

torchvision_importable()  # tests import transformers and torch-fidelity themselves, before any of our modules does

YOUNG = 60.0
"""Seconds in which a run's folder is let be, though nobody holds it yet."""


def pytest_configure(config: pytest.Config) -> None:
    if test_settings.FIRST_PROCESS:
        _remove_abandoned_runs(places_of().var.parent)


def pytest_unconfigure(config: pytest.Config) -> None:
    if test_settings.FIRST_PROCESS:
        services.remove(places_of())


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a module makes once is made in one process: its tests stay together where tests are dealt out to several."""
    for item in items:
        fixtures = getattr(item, "_fixtureinfo", None)
        if fixtures is None or item.get_closest_marker("xdist_group"):
            continue
        of_modules = {
            definition.baseid
            for definitions in fixtures.name2fixturedefs.values()
            for definition in definitions
            if definition.scope == "module" and definition.baseid.startswith("tests/")
        }
        if of_modules:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def _remove_abandoned_runs(folder: Path) -> None:
    """Runs that were killed leave servers and files behind; nobody holds their lease."""
    for run in folder.glob("run-*"):
        places = places_of(run)
        if time.time() - run.stat().st_mtime < YOUNG or not places.lease.exists():
            continue
        with places.lease.open("a") as lease:
            try:
                fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
        services.remove(places)


@pytest.fixture(scope="session")
def local_services() -> Places:
    """PostgreSQL and Valkey are up, for this run and all its processes."""
    return services.up(places_of(), fast=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(local_services: Places, django_db_modify_db_settings_parallel_suffix: None) -> None:
    """pytest-django's hook before it makes the test database: the server must be there."""


@pytest.fixture
def celery_worker_process(transactional_db: None, settings: Settings, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A real worker on the test database and this process's own broker, its queue empty at the start.

    Mark the test `worker`. Rows must be committed for the worker to see them: the test's database is transactional.
    """
    address = settings.CELERY_BROKER_URL.replace("redis+socket", "unix").replace("virtual_host", "db")
    with redis.Redis.from_url(address) as broker:
        broker.flushdb()
    worker = WorkerProcess(log=tmp_path / "worker.log")
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """pytest-playwright's browser: the Chromium of tests/chromium.py, with flags for a closed network and for root."""
    program = chromium.find()
    if program is None:
        pytest.fail("No Chromium here. Run ./dev test once (it fetches one), or name one in DRAWBENCH_CHROMIUM.")
    return browser_type_launch_args | {"executable_path": str(program), "args": chromium.FLAGS}
