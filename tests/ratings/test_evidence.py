"""What a rater's page notes beside an answer, from the request to the page of raters."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from evaluation.models import Rating
from evaluation.selectors.ratings import ratings_frame
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.invitation import invitation_create
from tests.studies.world import an_open_study

pytestmark = pytest.mark.django_db


def rated(client: Client, trials: list[dict[str, Any]], rater: str, evidence: object, ms: int) -> None:
    for trial in trials:
        answers = [
            {"assignment": trial["assignment"], "question": question, "choice": "left", "submission": str(uuid.uuid4())}
            | {"response_time_ms": ms, "evidence": evidence}
            for question in ("fidelity", "alignment")
        ]
        body = json.dumps({"rater": rater, "answers": answers})
        assert client.post("/r/rate", body, content_type="application/json").status_code == 200


def test_what_the_page_notes_is_kept_and_shown_as_signs(client: Client, admin_client: Client) -> None:
    study = an_open_study({"Colors": 14}, samples=1)
    client.post(reverse("rater:join", args=[invitation_create(study=study).key]))
    client.post(reverse("rater:instructions"))
    found = re.search(r'"rater": ?"([0-9a-f-]{36})"', client.get(reverse("rater:trials")).content.decode())
    assert found is not None
    trials: list[dict[str, Any]] = []
    while more := client.get(f"/r/next?rater={found[1]}&after={len(trials) - 1}").json()["trials"]:
        trials += more
    rated(client, trials[:10], found[1], 3 << 16 | 2 << 8 | 1, 700)
    for trial, odd in zip(trials[10:], (None, "x", -1, 2**24), strict=True):
        rated(client, [trial], found[1], odd, 700)  # no answer is lost over it
    assert Rating.objects.filter(evidence=3 << 16 | 2 << 8 | 1).count() == 20
    assert Rating.objects.filter(evidence=None).count() == 8
    frame = ratings_frame(study)
    assert set(frame["times_away"].dropna()) == {3} and frame["times_away"].isna().sum() == 8
    assert set(frame["clicks"].dropna()) == {2} and set(frame["keys"].dropna()) == {1}

    text = admin_client.get(f"/studies/{study.name}/signs/").content.decode()
    for sign in ("28 of 28 answers faster", "one side in 14 of 14 decided trials", "lost the focus in 10 of 10 trials"):
        assert sign in text, sign
    report = report_make(study=study)
    (rater,) = report.results["further"]["signs"]["raters"]
    assert {each["sign"] for each in rater["signs"]} == {"speed", "side", "away"} and not rater["excluded"]
    text = admin_client.get(reverse("researcher:report", args=[report.pk])).content.decode()
    assert "1 rater of 1 shows" in text and "A sign is no proof" in text
