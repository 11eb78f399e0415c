"""Instances of PostgreSQL and Valkey of these tests' own, apart from the one that the other tests use."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from drawbench.local import services
from drawbench.local.places import Places, places_of


@pytest.fixture(autouse=True)
def _unhelped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing from the caller's environment decides what is started."""
    for name in [name for name in os.environ if name in {"DRAWBENCH_DATABASE", "DRAWBENCH_BROKER"}]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def running() -> Iterator[Places]:
    """An instance that runs. A test that breaks it leaves it to `up` to mend."""
    yield from _instance()


@pytest.fixture
def fresh() -> Iterator[Places]:
    """An instance where nothing has been made yet."""
    yield from _instance(start=False)


def _instance(*, start: bool = True) -> Iterator[Places]:
    # Not pytest's tmp_path, which is closed to all but its owner: that is a case of its own (test_root.py).
    with tempfile.TemporaryDirectory(prefix="drawbench-test-") as folder:
        Path(folder).chmod(0o755)
        places = places_of(Path(folder) / "var")
        if start:
            services.up(places, fast=True)
        try:
            yield places
        finally:
            services.remove(places)
