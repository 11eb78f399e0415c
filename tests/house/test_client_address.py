"""The client's address: read in one place, behind a declared number of proxies, and never as a stranger claims it."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import RequestFactory
from django.utils.module_loading import import_string
from pytest_django.fixtures import Settings

from drawbench.checks import proxies_declared
from evaluation.client import UNKNOWN, client_address, client_counted
from tests.house.repository import CHECKOUT, PROGRAM_TEXT, nodes, of_ours, read

THE_ONE_PLACE = Path("evaluation/client.py")
THE_FRONT = Path("drawbench/local/front.py")
"""Writes nginx's own configuration, which names the headers that it sets."""
NAMES = ("remote_addr", "forwarded_for", "forwarded-for", "x-real-ip", "x_real_ip", "http_forwarded", "remote_host")


@PROGRAM_TEXT
def test_nobody_else_reads_addresses() -> None:
    found = []
    for path in of_ours(".py"):
        if path.parts[0] not in {"common", "drawbench", "evaluation", "generators"}:
            continue
        if path in (THE_ONE_PLACE, THE_FRONT):
            continue
        for node in nodes(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                written = node.value.lower()
            elif isinstance(node, ast.Attribute | ast.Name):
                written = (node.attr if isinstance(node, ast.Attribute) else node.id).lower()
            else:
                continue
            if any(name in written for name in NAMES):
                found.append(f"{path}:{node.lineno}: {written[:60]}")
    assert found == [], "ask evaluation.client"
    assert "HTTP_X_FORWARDED_FOR" in read(THE_ONE_PLACE)


def test_each_throttle_asks_the_one_place() -> None:
    rest: dict[str, Any] = settings.REST_FRAMEWORK
    assert rest["NUM_PROXIES"] == settings.PROXIES
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": "10.0.0.1"})
    for name in rest["DEFAULT_THROTTLE_CLASSES"]:
        assert import_string(name)().get_ident(request) == "192.0.2.7"


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "address"),
    [
        (0, "192.0.2.7", None, "192.0.2.7"),
        (0, "192.0.2.7", "10.0.0.1", "192.0.2.7"),
        (0, "", "10.0.0.1", UNKNOWN),
        (1, "127.0.0.1", "198.51.100.4", "198.51.100.4"),
        (1, "127.0.0.1", "10.0.0.1, 198.51.100.4", "198.51.100.4"),
        (1, "127.0.0.1", "10.0.0.1,10.0.0.2 ,198.51.100.4", "198.51.100.4"),
        (1, "", "198.51.100.4", "198.51.100.4"),
        (1, "", None, UNKNOWN),
        (1, "192.0.2.7", None, "192.0.2.7"),
        (1, "192.0.2.7", "", "192.0.2.7"),
        (1, "192.0.2.7", "198.51.100.4, nonsense", "192.0.2.7"),
        (1, "unix:", "nonsense", UNKNOWN),
        (1, "127.0.0.1", "198.51.100.4:5123", "198.51.100.4"),
        (1, "127.0.0.1", "[2001:DB8::7]:5123", "2001:db8::7"),
        (1, "::1", "::ffff:198.51.100.4", "198.51.100.4"),
        (2, "127.0.0.1", "10.0.0.1, 198.51.100.4, 192.0.2.1", "198.51.100.4"),
        (2, "127.0.0.1", "198.51.100.4", "198.51.100.4"),
    ],
)
def test_the_address_that_the_outermost_proxy_saw(
    proxies: int, peer: str, forwarded: str | None, address: str, settings: Settings
) -> None:
    settings.PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)) == address


def test_a_household_of_ipv6_counts_as_one() -> None:
    counted = [
        client_counted(RequestFactory().get("/", REMOTE_ADDR=address))
        for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1", "192.0.2.7")
    ]
    assert counted == ["2001:db8:1:2::/64", "2001:db8:1:2::/64", "2001:db8:1:3::/64", "192.0.2.7"]


@pytest.mark.parametrize(("given", "proxies"), [(None, "0"), ("1", "1"), ("2", "2")])
def test_the_number_of_proxies_is_a_setting(given: str | None, proxies: str) -> None:
    program = "import drawbench.settings as s; assert s.REST_FRAMEWORK['NUM_PROXIES'] == s.PROXIES; print(s.PROXIES)"
    assert _told(program, given).stdout == f"{proxies}\n"
    refused = _told(program, "-1")
    assert refused.returncode != 0 and "DRAWBENCH_PROXIES must be a whole number, 0 or more" in refused.stderr


def test_the_files_for_nginx_declare_it() -> None:
    assert "\nDRAWBENCH_PROXIES=1\n" in (CHECKOUT / "deploy" / "example.env").read_text()
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in (CHECKOUT / "deploy" / "nginx.conf").read_text()


def test_production_that_declares_none_is_told(settings: Settings) -> None:
    settings.PRODUCTION, settings.PROXIES = True, 0
    assert [each.id for each in proxies_declared(None)] == ["drawbench.W001"]
    settings.PROXIES = 1
    assert proxies_declared(None) == []
    settings.PRODUCTION, settings.PROXIES = False, 0
    assert proxies_declared(None) == []


def _told(program: str, proxies: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DRAWBENCH_PROXIES"}
    if proxies is not None:
        environment["DRAWBENCH_PROXIES"] = proxies
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)
