"""What can't be done is told in a sentence that says what to do, and leaves a clean state."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.places import CHECKOUT
from drawbench.local import binaries, services
from drawbench.local.__main__ import main
from drawbench.local.errors import LocalError
from drawbench.local.places import Places
from drawbench.local.processes import postgres_account


def test_a_full_disk(fresh: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10 * 2**20))
    with pytest.raises(LocalError, match="Only 10 MB are free.*DRAWBENCH_VAR"):
        services.up(fresh)
    assert not fresh.cluster.exists()


def test_a_folder_that_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "var").write_text("a file")
    monkeypatch.setenv("DRAWBENCH_VAR", str(tmp_path / "var"))
    assert main(["up"]) == 2
    assert f"{tmp_path / 'var'} is in the way" in capsys.readouterr().err


def test_data_of_another_version(fresh: Places) -> None:
    services.up(fresh, fast=True)
    services.down(fresh)
    (fresh.cluster / "PG_VERSION").write_text("15\n")
    with pytest.raises(LocalError, match="made by PostgreSQL 15.*docs/deployment.md"):
        services.up(fresh)


def test_a_data_folder_that_is_none(fresh: Places) -> None:
    fresh.cluster.mkdir(parents=True)
    with pytest.raises(LocalError, match="not a PostgreSQL data folder"):
        services.up(fresh)


def test_a_socket_folder_that_somebody_else_made(fresh: Places, tmp_path: Path) -> None:
    fresh.var.mkdir(parents=True)
    fresh.sockets.symlink_to(tmp_path)
    with pytest.raises(LocalError, match="belongs to another user or is not a folder"):
        services.up(fresh)


def test_programs_named_wrongly(fresh: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(binaries.POSTGRES_VARIABLE, str(tmp_path))
    with pytest.raises(LocalError, match="no initdb and postgres there"):
        services.up(fresh)
    monkeypatch.setenv(binaries.VALKEY_VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(LocalError, match="not a program"):
        binaries.valkey_program()


def test_programs_that_are_too_old(fresh: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fresh.var / "bin"
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 12.4'\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv(binaries.POSTGRES_VARIABLE, str(folder))
    with pytest.raises(LocalError, match="version 12, but 14 or newer"):
        binaries.postgres_programs(fresh, postgres_account())


def test_a_server_that_ends_at_once_shows_its_log(fresh: Places) -> None:
    services.up(fresh, fast=True)
    services.down(fresh)
    with (fresh.cluster / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(LocalError, match=r"(?s)ended with status \d+.*no_such_setting"):
        services.up(fresh, fast=True)


@pytest.mark.parametrize("word", ["serve", "demo"])
def test_a_port_in_use(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fresh: Places
) -> None:
    import socket

    monkeypatch.setenv("DRAWBENCH_VAR", str(fresh.var))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main([word, "--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert f"Port {port} is in use" in told and "--port" in told
    assert not fresh.var.exists(), "nothing was started"


def _manage(places: Places, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=environment | {"DRAWBENCH_VAR": str(places.var)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_manage_without_a_database_and_before_migrations(fresh: Places) -> None:
    absent = _manage(fresh, "showmigrations")
    assert (absent.returncode, absent.stdout) == (2, "")
    assert "The embedded PostgreSQL is not running" in absent.stderr and "Traceback" not in absent.stderr
    services.up(fresh, fast=True)
    unmigrated = _manage(fresh, "changepassword", "somebody")
    assert unmigrated.returncode == 2
    assert "The database is not migrated" in unmigrated.stderr and "Traceback" not in unmigrated.stderr


def test_a_wrong_setting(fresh: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_TASK_SECONDS", "soon")
    refused = _manage(fresh, "check")
    assert refused.returncode == 2
    assert refused.stderr.strip() == "DRAWBENCH_TASK_SECONDS must be a whole number, 1 or more; it is 'soon'."
