"""What went wrong, told as a page to people and as JSON to programs."""

from __future__ import annotations

import json

import pytest
from django.test import RequestFactory

from evaluation.views import errors


@pytest.mark.parametrize(
    ("view", "status"),
    [(errors.bad_request, 400), (errors.permission_denied, 403), (errors.not_found, 404), (errors.server_error, 500)],
)
def test_pages_and_json(view: errors.ErrorView, status: int) -> None:
    page = view(RequestFactory().get("/runs/7/"))
    assert page.status_code == status and b"<h1>" in page.content
    told = view(RequestFactory().get("/api/v1/runs/7/"))
    assert told.status_code == status and set(json.loads(told.content)) == {"detail"}


def test_a_form_that_was_too_old() -> None:
    page = errors.csrf_failure(RequestFactory().post("/suites/"), reason="CSRF cookie not set.")
    assert page.status_code == 403 and b"has expired" in page.content
    told = errors.csrf_failure(RequestFactory().post("/api/v1/suites/"), reason="CSRF cookie not set.")
    assert "CSRF" in json.loads(told.content)["detail"]
