"""The documentation as the site serves it: every page answers, every link of it leads somewhere, and every page of the
site links to the part that explains it."""

from __future__ import annotations

import html
import os
import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from markdown_it import MarkdownIt

from evaluation import documentation
from evaluation.templatetags.documentation import EXPLAINED_BY
from tests.house.repository import CHECKOUT, files
from tests.researcher.walk import ADDRESSES, whole_pages, world_of_ones
from tests.runs.conftest import plugin  # noqa: F401  (a fixture)

NAMES = sorted(documentation.names())
HELP = re.compile(r'<a class="help-link" href="([^"]+)">Help: ([^<]+)</a>')


def body(name: str, client: Client) -> str:
    answer = client.get(documentation.address(name))
    assert answer.status_code == 200, name
    return answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_every_page_and_every_link_of_it_answer(client: Client, name: str) -> None:
    """Nobody is signed in."""
    text = body(name, client)
    for target in re.findall(r'(?:href|src)="([^"]*)"', documentation.page(name).html):
        parts = urlsplit(html.unescape(target))
        if parts.scheme:
            assert parts.scheme in ("http", "https", "mailto"), target
            continue
        there = parts.path or documentation.address(name)
        answer = client.get(there)
        assert answer.status_code == 200, f"{name} leads to {target}"
        if parts.fragment:
            assert f'id="{parts.fragment}"' in answer.content.decode(), f"{name} leads to {target}"
    ids = Counter(re.findall(r'\bid="([^"]+)"', text))
    assert [each for each, n in ids.items() if n > 1] == []
    assert "style=" not in text and not re.search(r"<script(?![^>]*\bsrc=)", text)


@pytest.mark.parametrize("name", NAMES)
def test_no_page_needs_raw_html(name: str) -> None:
    """It would stand there as text."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(documentation.names()[name].read_text())
    raw = [token.content for token in tokens if token.type == "html_block"]
    raw += [child.content for token in tokens for child in token.children or [] if child.type == "html_inline"]
    assert [each for each in raw if not re.fullmatch(r"<!--[^>]*-->\s*", each)] == []
    assert "&lt;!--" not in documentation.page(name).html


def test_every_document_is_reached_from_the_first() -> None:
    addresses = {documentation.address(name): name for name in NAMES}
    reached, ahead = set[str](), {documentation.ADDRESS}
    while ahead:
        at = ahead.pop()
        reached.add(at)
        linked = re.findall(r'href="([^"#]+)', documentation.page(addresses[at]).html)
        ahead |= set(linked) & set(addresses) - reached
    assert set(addresses) - reached == set()


def test_raw_html_and_scripts_stay_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documentation, "CHECKOUT", tmp_path)
    monkeypatch.setattr(documentation, "DOCUMENTATION", tmp_path / "docs")
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "odd.md"
    page.write_text(
        "# Odd <b>title</b>\n\n<!-- a --> <script>alert(1)</script>\n\n<script>\n\nalert(<i>1</i>)</script>\n\n"
        "[x](javascript:alert(1)) [source](../evaluation/tasks.py) "
        "[tasks](../evaluation/tasks.py)\n\n## Same\n\n## Same\n"
    )
    found = documentation.page("odd")
    assert not re.search("<script|<b>|<i>|<!--", found.html) and "href" not in found.html
    assert "source (<code>evaluation/tasks.py</code>) <code>evaluation/tasks.py</code>" in found.html
    assert [each.anchor for each in found.sections] == ["same", "same-1"]
    page.write_text("# Even\n")
    os.utime(page, ns=(1, 1))
    assert documentation.page("odd").title == "Even"


@pytest.mark.django_db
def test_what_is_not_a_page_is_not_found(client: Client) -> None:
    for path in ("nothing/", "../README/", "..%2F..%2FREADME/", "images/..%2Frunning-a-study.md/", "images/none.png"):
        assert client.get(f"/docs/{path}").status_code == 404, path
    assert client.post("/docs/").status_code == 405


@pytest.mark.django_db
def test_a_picture_runs_nothing(client: Client) -> None:
    answer = client.get("/docs/images/cascade-curve.svg")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_addresses_are_those_of_the_site() -> None:
    assert reverse("documentation:index") == documentation.ADDRESS
    assert reverse("documentation:page", args=["suites"]) == documentation.address("suites")


def test_the_image_of_the_platform_holds_the_documents() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().split()
    assert not [line for line in ignored if line.strip("/*").startswith(("docs", "doc")) or line.endswith(".md")]
    assert "COPY . ." in (CHECKOUT / "deploy" / "Dockerfile").read_text()
    assert Path("README.md") in files() and Path("docs/quickstart.md") in files()


# --- From the site's pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page", "anchor"), sorted(set(EXPLAINED_BY.values())))
def test_what_explains_an_address_is_there(page: str, anchor: str) -> None:
    assert not anchor or anchor in [each.anchor for each in documentation.page(page).sections]


def test_what_is_explained_are_addresses() -> None:
    assert set(EXPLAINED_BY) <= {pattern.name for pattern in ADDRESSES}


@pytest.mark.django_db
def test_every_page_links_to_what_explains_it(
    signed_in: Client,
    ada: User,
    plugin: None,  # noqa: F811  (the fixture of that name)
    tmp_path: Path,
) -> None:
    world_of_ones(tmp_path, ada)
    seen = set()
    explanations: dict[str, str] = {}
    for name, path, status, text in whole_pages(signed_in):
        link = HELP.search(text)
        assert link, f"{path} has no link to the documentation"
        address = urlsplit(html.unescape(link[1]))
        if address.path not in explanations:
            explained = signed_in.get(address.path)
            assert explained.status_code == 200, path
            explanations[address.path] = explained.content.decode()
        assert not address.fragment or f'id="{address.fragment}"' in explanations[address.path], path
        if status == 200:
            assert address.path != documentation.ADDRESS, f"{path} has no page that explains it"
            seen.add(name)
    assert set(EXPLAINED_BY) - seen == {"sign-in-link"}, "pages of what went wrong"


@pytest.mark.django_db
def test_pages_that_say_what_went_wrong_lead_to_the_documentation(signed_in: Client) -> None:
    assert 'href="/docs/"' in signed_in.get("/nothing/").content.decode()
    assert HELP.search(signed_in.get("/studies/none/").content.decode())
    assert settings.LOGIN_URL == "/sign-in/" and HELP.search(Client().get("/sign-in/").content.decode())
