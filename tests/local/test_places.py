"""Where things are: sockets within the system's limit, PostgreSQL where root's stand-in can go."""

import os
import tempfile
from pathlib import Path

import pytest

from common.places import CHECKOUT
from drawbench.local import postgres, services
from drawbench.local.places import LONGEST_SOCKET_NAME, SOCKET_PATH_LIMIT, places_of


def test_one_folder_holds_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_VAR", "/some/var")
    places = places_of()
    assert {places.cluster, places.valkey, places.sockets} == {
        Path(f"/some/var/{n}") for n in ("postgres", "valkey", "run")
    }


def test_a_relative_name_is_the_same_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_VAR", "second")
    monkeypatch.chdir(tmp_path)
    assert places_of().var == CHECKOUT / "second"


@pytest.mark.parametrize("length", [10, 60, 75, 90, 200])
def test_socket_paths_stay_within_the_limit(length: int) -> None:
    places = places_of(Path("/" + "x" * length))
    assert len(os.fsencode(places.sockets / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_LIMIT
    assert places.sockets == places_of(Path("/" + "x" * length)).sockets, "the same on every call"
    assert places.sockets != places_of(Path("/" + "y" * length)).sockets


def test_it_runs_in_a_folder_with_a_long_and_odd_name() -> None:
    with tempfile.TemporaryDirectory(prefix="drawbench-test-") as folder:
        Path(folder).chmod(0o755)
        places = places_of(Path(folder) / ("véry long, with 'quotes' & blanks " * 3) / "var")
        try:
            services.up(places, fast=True)
            assert all(service.answers for service in services.status(places))
        finally:
            services.remove(places)
        assert not places.sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must run PostgreSQL as somebody else")
def test_root_in_a_folder_that_is_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    services.up(places_of(closed / "var"), fast=True)
    places = places_of(closed / "var")
    try:
        assert places.outside is not None and places.outside.is_dir()
        assert postgres.answers(places)
        assert places.cluster.stat().st_mode & 0o077 == 0, "open to its owner alone"
        assert services.up(closed_again := places_of(closed / "var")) == closed_again
    finally:
        services.remove(places)
    assert not places.outside.exists()
