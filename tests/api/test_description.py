"""The API does what its OpenAPI description says: Schemathesis makes up requests and holds the answers against it.

A fresh world for every operation, no chance, some examples: a sample of what `schemathesis run` does in minutes
against a served instance. With SCHEMATHESIS_EXAMPLES=25 in the environment there are more, and each field's limits,
too. Valid requests must be taken, others refused, all in the statuses and forms that are described.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from rest_framework.throttling import SimpleRateThrottle
from schemathesis.checks import CHECKS

from drawbench.wsgi import application
from evaluation.api.description import LINE_ENDS, REFUSED
from evaluation.services.accounts.api_token import api_token_rotate
from evaluation.services.suites import load
from evaluation.suites.types import SuiteError
from tests.studies.world import an_open_study

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "5"))

DESCRIPTION = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
DESCRIPTION.app = application
DESCRIPTION.config.phases.coverage.enabled = "SCHEMATHESIS_EXAMPLES" in os.environ
"""Thousands of requests that go through each field's limits: making them up takes longer than all else in this file."""

PARAMETER_NAME = re.compile(f"[^{REFUSED}{LINE_ENDS}]+")


@DESCRIPTION.hook
def filter_body(context: object, body: object) -> bool:
    """Leave out bodies with parameters of impossible names: OpenAPI 3.0 can't say which names an object may have."""
    parameters = body.get("parameters") if isinstance(body, dict) else None
    return not isinstance(parameters, dict) or all(map(PARAMETER_NAME.fullmatch, parameters))


# Which bytes are a file of prompts no description can say: the files are ours.
schemathesis.openapi.media_type("text/csv", st.sampled_from([b"Prompts,Category\nA cat,Animals\n", b"prompt\nA dog\n"]))


@pytest.fixture
def token(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a researcher in a world with a study, whom no throttle stops; nothing is fetched from elsewhere."""
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *_: True)

    def away(seconds: float) -> bytes:
        raise SuiteError("The publishers do not answer.")

    monkeypatch.setattr(load, "fetch_drawbench", away)
    for signal in (request_started, request_finished):  # as Django's own test client does: the connection is the test's
        signal.disconnect(close_old_connections)
    an_open_study()
    yield api_token_rotate(user=User.objects.create_user("ada", password="engine-of-1843"))
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@DESCRIPTION.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_described(case: Any, token: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Token {token}"}, checks=CHECKS.get_all())
