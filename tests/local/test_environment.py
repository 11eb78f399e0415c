"""What an operator writes into the environment, read or refused."""

import multiprocessing
import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from drawbench import environment as env

EMBEDDED = env.Database(
    ENGINE="django.db.backends.postgresql",
    HOST="/run",
    PORT="5432",
    NAME="drawbench",
    USER="drawbench",
    PASSWORD="",
    CONN_MAX_AGE=None,
    CONN_HEALTH_CHECKS=True,
    OPTIONS={"connect_timeout": 10},
)


def test_without_an_address_the_embedded_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRAWBENCH_DATABASE", raising=False)
    assert env.database("DRAWBENCH_DATABASE", otherwise=EMBEDDED) == EMBEDDED


def test_an_address_with_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_DATABASE", "postgresql://ada:p%40ss%2Fword@db.example:5433/ratings?sslmode=require")
    read = env.database("DRAWBENCH_DATABASE", otherwise=EMBEDDED)
    assert (read["HOST"], read["PORT"], read["NAME"]) == ("db.example", "5433", "ratings")
    assert (read["USER"], read["PASSWORD"]) == ("ada", "p@ss/word")
    assert read["OPTIONS"] == {"connect_timeout": 10, "sslmode": "require"}


def test_an_address_by_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_DATABASE", "postgresql://ada@/ratings?host=/var/run/postgresql")
    read = env.database("DRAWBENCH_DATABASE", otherwise=EMBEDDED)
    assert (read["HOST"], read["PORT"], read["USER"]) == ("/var/run/postgresql", "", "ada")


@pytest.mark.parametrize(
    "address", ["mysql://h/d", "db.example/ratings", "postgresql://db.example", "postgresql://db.example:port/d"]
)
def test_an_address_that_is_none(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_DATABASE", address)
    with pytest.raises(ImproperlyConfigured, match="DRAWBENCH_DATABASE must look like postgresql://"):
        env.database("DRAWBENCH_DATABASE", otherwise=EMBEDDED)


def test_flags_and_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_X", "yes")
    assert env.flag("DRAWBENCH_X")
    monkeypatch.setenv("DRAWBENCH_X", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="must be 1 or 0"):
        env.flag("DRAWBENCH_X")
    for wrong in ("-1", "0", "1.5", "²"):
        monkeypatch.setenv("DRAWBENCH_X", wrong)
        with pytest.raises(ImproperlyConfigured, match="whole number"):
            env.whole_number("DRAWBENCH_X", 3)


def test_the_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.map(env.secret_key, [tmp_path / "var"] * 8)
    assert len(set(made)) == 1 and len(made[0]) >= 50
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret_key"]
