"""The reference: a valid OpenAPI document without warnings, and a page that works under our own policy."""

from __future__ import annotations

import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from common.places import CHECKOUT
from evaluation.api.urls import urlpatterns


def test_the_document_is_valid_and_nothing_was_guessed() -> None:
    GENERATOR_STATS.reset()
    document = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(document)
    assert not GENERATOR_STATS._warn_cache, dict(GENERATOR_STATS._warn_cache)
    assert not GENERATOR_STATS._error_cache, dict(GENERATOR_STATS._error_cache)
    told = {path for path in document["paths"] if path.startswith("/api/v1/")}
    assert len(told) == len(urlpatterns) - 2, "every address but those of the document and its page"
    for path, methods in document["paths"].items():
        for method in methods.values():
            if isinstance(method, dict) and "operationId" in method:
                assert method["description"], f"{path}: {method['operationId']} says nothing"


@pytest.mark.django_db
def test_the_page_tells_everything_that_the_document_does(client: Client) -> None:
    """And loads nothing from elsewhere, and runs no inline script."""
    answer = client.get("/api/v1/docs/")
    text = answer.content.decode()
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert addresses and all(address.startswith(("/", "#")) for address in addresses)
    for address in addresses:
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/")), address
        if address.startswith("#"):
            assert f'id="{address[1:]}"' in text, f"{address} leads nowhere"
    document = SchemaGenerator().get_schema(request=None, public=True)
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            assert f'id="operations-{each["tags"][0]}-{each["operationId"]}"' in text, f"{method} {path}"
            for parameter in each.get("parameters", ()):
                assert f"<code>{parameter['name']}</code>" in text
            for status in each["responses"]:
                assert status < "400" or f'id="error-{status}"' in text
    for schema in document["components"]["schemas"].values():
        for name in schema.get("properties", ()):
            assert f"<code>{name}</code>" in text, name


def test_the_document_is_open_to_all(client: Client) -> None:
    answer = client.get("/api/v1/schema/")
    assert answer.status_code == 200 and b"openapi: 3" in answer.content


def test_the_manual_names_every_address() -> None:
    manual = (CHECKOUT / "docs" / "api.md").read_text()
    for pattern in urlpatterns:
        parts = [part for part in str(pattern.pattern).split("/") if part and not part.startswith("<")]
        for part in parts:
            assert f"{part}/" in manual, f"docs/api.md does not name {pattern.pattern}"
