"""What browsers are told, and that the pages live within it."""

import re
import subprocess
import sys

import pytest
from django.test import Client

from common.places import CHECKOUT
from tests.house.production import PRODUCTION, production_environment
from tests.house.repository import of_ours, read


@pytest.mark.django_db
@pytest.mark.usefixtures("local_services")
def test_headers_of_a_page(client: Client) -> None:
    headers = client.get("/admin/login/").headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and "object-src 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
@pytest.mark.usefixtures("local_services")
def test_cookies_are_out_of_reach_of_scripts(client: Client) -> None:
    cookies = client.get("/admin/login/").cookies
    assert cookies
    for cookie in cookies.values():
        assert cookie["httponly"] and cookie["samesite"] == "Lax", cookie.key


@pytest.mark.django_db
@pytest.mark.usefixtures("local_services")
def test_health(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"database": True, "broker": True})


def test_templates_hold_nothing_that_the_policy_forbids() -> None:
    """Inline scripts, styles and handlers, and scripts from elsewhere, would be silently dropped by the browser."""
    found = []
    for path in of_ours(".html"):
        text = re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}|<!--.*?-->", "", read(path), flags=re.DOTALL)
        for pattern in (
            r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/(?:ld\+)?json\")[^>]*>",
            r"<style\b",
            r"\sstyle=[\"']",
            r"\son[a-z]+=[\"']",
            r"\shx-on[:-]",
            r"(?:src|href)=[\"'](?:https?:)?//[^\"']*\.(?:js|css)",
            r"javascript:",
        ):
            found += [f"{path}: {match.group(0)[:80]}" for match in re.finditer(pattern, text)]
    assert found == []


def _check_deployment(without: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(
        command, cwd=CHECKOUT, env=production_environment(without), capture_output=True, text=True, check=False
    )


def test_the_production_settings_pass_djangos_own_checks() -> None:
    answer = _check_deployment()
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    "name", sorted(set(PRODUCTION) - {f"DRAWBENCH_{name}" for name in ("PRODUCTION", "PROXIES", "URL")})
)
def test_production_asks_for_what_it_needs(name: str) -> None:
    answer = _check_deployment(without=name)
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"{name} is not set. ") and "Traceback" not in answer.stderr
