"""Automatic scores for programs: the metrics there are, asking, watching, each image's number."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from evaluation.models import MetricRun
from tests.metric_services.conftest import nothing_loaded  # noqa: F401  (a fixture)
from tests.metric_services.steps import ask, grey_run, score
from tests.runs.conftest import plugin  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db
BASE = "/api/v1"


def test_the_metrics_with_their_parameters(api: APIClient) -> None:
    told = api.get(f"{BASE}/metrics/").json()
    bright = next(each for each in told["metrics"] if each["name"] == "testbright")
    assert (bright["kind"], bright["better"], bright["source"]) == ("sample", "higher", "testmetric 1.0")
    assert bright["parameters"][0] | {"low": 0.1, "high": 100.0, "kind": "float"} == bright["parameters"][0]
    assert isinstance(told["references"], list)


def test_from_asking_to_each_image_s_number(api: APIClient) -> None:
    grey_run({"a": [0, 255], "refuse": [1, 1]})
    given = {"run": "greys", "metric": "testbright", "parameters": {"scale": 2}}
    answer = api.post(f"{BASE}/scores/", given)
    assert answer.status_code == 201 and answer.json()["status"] == "queued" and answer.json()["n_total"] == 4
    assert api.post(f"{BASE}/scores/", given).status_code == 200
    found = score(MetricRun.objects.get())
    path = f"{BASE}/scores/{found.pk}/"
    told = api.get(path).json()
    assert told["label"] == "brightness" and told["result"]["overall"]["mean"] == 1.0
    assert api.get(f"{BASE}/scores/?run=greys&metric=testbright").json()["count"] == 1
    assert api.get(f"{BASE}/scores/?run=other").json()["count"] == 0
    images = api.get(f"{path}images/?order=largest").json()["results"]
    assert [(each["prompt_id"], each["sample"], each["value"]) for each in images] == [
        ("00000", 1, 2.0),
        ("00000", 0, 0.0),
    ]
    assert api.get(f"{path}images/").json()["results"][2]["why"] == "not to my taste"
    assert api.get(f"{path}images/?order=worst").status_code == 400


def test_stopping_and_going_on(api: APIClient) -> None:
    found = ask(grey_run({"a": [0]}))
    path = f"{BASE}/scores/{found.pk}"
    assert api.post(f"{path}/cancel/").json()["status"] == "cancelled"
    assert api.post(f"{path}/cancel/").status_code == 409
    assert api.post(f"{path}/retry/").json()["status"] == "queued"
    score(found)
    assert api.post(f"{path}/retry/").status_code == 409
    assert api.post(f"{path}/retry/", {"anew": True}).json()["n_done"] == 0


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"run": "greys"}, 400, "metric"),
        ({"run": "grey", "metric": "testbright"}, 404, 'did you mean "greys"'),
        ({"run": "greys", "metric": "testbrigt"}, 400, 'did you mean "testbright"'),
        ({"run": "greys", "metric": "testbright", "parameters": {"scale": 0}}, 400, "0.1 to 100"),
        ({"run": "greys", "metric": "testbright", "parameters": {"weights": "/etc/passwd"}}, 400, "only a command"),
        ({"run": "greys", "metric": "testbright", "parameters": [1]}, 400, "dictionary"),
        ({"run": "greys", "metric": "testspread"}, 400, "reference"),
        ({"run": "greys", "metric": "testspread", "reference": "nowhere"}, 404, "nowhere"),
    ],
)
def test_what_can_not_be_is_told(api: APIClient, given: dict[str, object], code: int, said: str) -> None:
    grey_run({"a": [0]})
    answer = api.post(f"{BASE}/scores/", given)
    assert answer.status_code == code and said in answer.json()["detail"]
    assert not MetricRun.objects.exists()


def test_strangers_see_nothing() -> None:
    for path in ("metrics/", "scores/", "scores/1/", "scores/1/images/"):
        assert APIClient().get(f"{BASE}/{path}").status_code == 401
