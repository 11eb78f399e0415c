"""Up, down and what happens between: twice, at once, after kill -9, beside strangers."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from drawbench.local import postgres, services, valkey
from drawbench.local.errors import LocalError
from drawbench.local.places import Places, places_of


def _execute(places: Places, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(host=str(places.sockets), user=postgres.USER, dbname=postgres.DATABASE)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def _broker(places: Places) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(places.valkey_socket))


def _pids(places: Places) -> list[int | None]:
    return [service.pid for service in services.status(places)]


def test_up_twice_is_up_once(running: Places) -> None:
    before = _pids(running)
    assert all(before)
    services.up(running)
    assert _pids(running) == before
    assert all(service.answers for service in services.status(running))


def test_what_is_stored_survives_down_and_up(fresh: Places) -> None:
    services.up(fresh)
    _execute(fresh, "CREATE TABLE kept AS SELECT 7 AS n")
    _broker(fresh).set("kept", "7")
    assert services.down(fresh) == ["PostgreSQL", "Valkey"]
    assert _pids(fresh) == [None, None]
    services.up(fresh)
    assert _execute(fresh, "SELECT n FROM kept") == [(7,)]
    assert _broker(fresh).get("kept") == b"7"


def test_several_at_once_start_one_each(fresh: Places) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.map(_up_in, [str(fresh.var)] * 4)
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    servers = [command for command in commands if str(fresh.cluster) in command]
    brokers = [command for command in commands if any(str(fresh.valkey_socket) in part for part in command)]
    assert (len(servers), len(brokers)) == (1, 1), (servers, brokers)


def _up_in(folder: str) -> None:
    services.up(places_of(Path(folder)), fast=True)


def test_killed_servers_come_back_with_what_was_committed(fresh: Places) -> None:
    services.up(fresh)  # Durable: not `fast`.
    _execute(fresh, "CREATE TABLE acknowledged (n int)")
    for n in range(50):
        _execute(fresh, f"INSERT INTO acknowledged VALUES ({n})")
    _broker(fresh).rpush("queue", *range(50))
    time.sleep(1.1)  # Valkey's promise: on disk within a second.
    for pid in _pids(fresh):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)  # It stays a zombie: the process that started it is this one, and has not waited.
    services.up(fresh)
    assert _execute(fresh, "SELECT count(*) FROM acknowledged") == [(50,)]
    assert _broker(fresh).llen("queue") == 50


def test_a_strangers_process_id_on_file_is_not_taken_for_a_server(fresh: Places) -> None:
    services.up(fresh, fast=True)
    services.down(fresh)
    stranger = os.getpid()
    pid_file = fresh.cluster / "postmaster.pid"
    pid_file.write_text(f"{stranger}\n{fresh.cluster}\n1\n5432\n{fresh.sockets}\n\n")
    (fresh.valkey / "valkey.pid").write_text(f"{stranger}\n")
    (fresh.sockets / ".s.PGSQL.5432.lock").write_text(f"{stranger}\n")
    assert _pids(fresh) == [None, None]
    services.up(fresh, fast=True)
    assert all(service.answers for service in services.status(fresh))


def test_an_interrupted_first_start_is_begun_again(fresh: Places) -> None:
    (fresh.var / "postgres.partial").mkdir(parents=True)
    (fresh.var / "postgres.partial" / "PG_VERSION").write_text("18\n")
    services.up(fresh, fast=True)
    assert not (fresh.var / "postgres.partial").exists()
    assert postgres.answers(fresh) and valkey.answers(fresh)


def test_the_last_holder_stops_what_nobody_asked_to_keep(fresh: Places) -> None:
    with services.hold(fresh, fast=True):
        with services.hold(fresh, fast=True):
            assert all(_pids(fresh))
        assert all(_pids(fresh)), "somebody still holds them"
        with pytest.raises(LocalError, match="in use"):
            services.down(fresh)
    assert _pids(fresh) == [None, None]


def test_what_a_person_keeps_outlives_its_holders(fresh: Places) -> None:
    services.keep(services.up(fresh, fast=True))
    with services.hold(fresh, fast=True):
        pass
    assert all(_pids(fresh))
    services.down(fresh)
    assert _pids(fresh) == [None, None]


def test_a_killed_holder_holds_no_more(fresh: Places) -> None:
    program = (
        "import sys, time; from pathlib import Path; from drawbench.local import services; "
        "from drawbench.local.places import places_of\n"
        "with services.hold(places_of(Path(sys.argv[1])), fast=True): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(fresh.var)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
        holder.wait()
    assert services.down(fresh) == ["PostgreSQL", "Valkey"]
