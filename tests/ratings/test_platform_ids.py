"""The ids that recruitment sites put into a link: those that can't be one make no rater."""

from __future__ import annotations

import pytest
from django.test import Client

from evaluation.models import Rater, Study
from evaluation.services.studies.invitation import invitation_create
from evaluation.views.rater.pages import PENDING
from tests.studies.world import an_open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return an_open_study()


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("PROLIFIC_PID={{%PROLIFIC_PID%}}&SESSION_ID={{%SESSION_ID%}}", "PROLIFIC_PID is a placeholder"),
        ("PROLIFIC_PID=%7B%7B%25PROLIFIC_PID%25%7D%7D", "PROLIFIC_PID is a placeholder"),
        ("participantId=${participantId}", "participantId is a placeholder"),
        ("PROLIFIC_PID=abc&SESSION_ID={{%SESSION_ID%}}", "SESSION_ID is a placeholder"),
        ("PROLIFIC_PID=&SESSION_ID=x", "PROLIFIC_PID is empty"),
        ("PROLIFIC_PID=%20", "PROLIFIC_PID is empty"),
        ("PROLIFIC_PID=a&PROLIFIC_PID=b", "PROLIFIC_PID is there more than once"),
        (f"PROLIFIC_PID={'a' * 201}", "PROLIFIC_PID has 201 characters; at most 200 are allowed"),
    ],
)
def test_ids_that_can_not_be_a_platforms_take_nobodys_place(study: Study, query: str, why: str) -> None:
    """Two visitors would become one rater: the second would go on where the first stopped."""
    client = Client()
    link = f"/r/join/{invitation_create(study=study).key}"
    answer = client.get(f"{link}?{query}")
    assert answer.status_code == 400 and why in answer.text
    assert "Open the study from the recruitment site" in answer.text
    assert not Rater.objects.exists() and PENDING not in client.session
