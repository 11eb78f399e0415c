"""Studies under any protocol by the API: what each needs, own protocols, changes, copies, deletion."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from evaluation import protocols
from evaluation.models import IncomingFile, Study
from evaluation.services.studies.create import study_create
from evaluation.services.studies.open import study_open
from tests.studies.protocols_world import a_draft, some_runs
from tests.studies.world import a_run

pytestmark = pytest.mark.django_db

V1 = "/api/v1"
YAML = "based_on: pairwise-open\nname: sharp\ntitle: Sharp\nraters_per_panel: 2\n"
CONTROLS = "prompt_id,shown,question,answer\n" + "".join(
    f"0000{at},run-0,{question},1\n" for at in range(3) for question in ("fidelity", "alignment")
)


def sent(api: APIClient, address: str, status: int, **given: Any) -> dict[str, Any]:
    answer = api.post(f"{V1}/{address}", given, format="json")
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    return body


def whole_file(api: APIClient, name: str, data: bytes) -> str:
    """The key of a file that came in parts."""
    key: str = sent(api, "files/", 201, file_name=name, n_bytes=len(data))["key"]
    answer = api.put(f"{V1}/files/{key}/part/?offset=0", data, content_type="application/octet-stream")
    assert answer.status_code == 200
    return key


def test_every_protocol_is_made_by_the_api(api: APIClient) -> None:
    suite, runs = some_runs(4)
    a_run(suite, "photographs", samples=1)
    texts = list(suite.prompts.values_list("text", flat=True))
    claims = "prompt,claim\n" + "".join(f'"{text}",Is it?\n' for text in texts)
    brought: dict[str, dict[str, object]] = {
        "coco-photorealism": {"reference": "photographs", "without_controls": True},
        "coco-alignment": {"reference": "photographs", "without_controls": True},
        "single-image": {"controls_file": CONTROLS},
        "questions": {"claims_file": claims},
    }
    for name in protocols.names():
        given = {"name": name, "protocol": name, "runs": [run.name for run in runs], **brought.get(name, {})}
        made = sent(api, "studies/", 201, **given)
        assert made["protocol"] == name and made["specification"]["protocol"]["name"] == name and made["version"]
    listed = api.get(f"{V1}/protocols/").json()
    assert [each["name"] for each in listed] == list(protocols.names())
    assert {each["name"]: each["needs"] for each in listed}["questions"] == ["claims"]


def test_a_file_of_claims_that_came_in_parts_is_used_up_by_a_draft_alone(api: APIClient) -> None:
    suite, _ = some_runs(1)
    texts = list(suite.prompts.values_list("text", flat=True))
    data = ("prompt,claim\n" + "".join(f'"{text}",Is it?\n' for text in texts)).encode()
    key = whole_file(api, "dsg.csv", data)
    given = {"protocol": "questions", "runs": ["run-0"], "claims_key": key}
    assert sent(api, "studies/", 400, name="two words", **given)["field"] == "name"
    refused = sent(api, "studies/", 400, name="mine", **given | {"protocol": "words"})
    assert refused["field"] == "claims" and IncomingFile.objects.count() == 1, "it stays for another try"
    made = sent(api, "studies/", 201, name="mine", **given)
    assert made["specification"]["claims"]["source"] == "dsg.csv" and not IncomingFile.objects.exists()


def test_a_protocol_of_ones_own(api: APIClient) -> None:
    some_runs(2)
    given = {"runs": ["run-0", "run-1"]}
    refused = sent(api, "studies/", 400, name="mine", protocol_file=YAML.replace("title", "titel"), **given)
    assert refused["field"] == "protocol_file"
    assert "protocol_file, line 3, column 1" in refused["detail"] and 'did you mean "title"' in refused["detail"]
    made = sent(api, "studies/", 201, name="mine", protocol_file=YAML, **given)
    assert made["protocol"] == "sharp" and made["specification"]["protocol"]["based_on"] == "pairwise-open"
    assert sent(api, "studies/", 201, name="again", protocol="study:mine", **given)["protocol"] == "sharp"
    (own,) = [each for each in api.get(f"{V1}/protocols/").json() if each["study"]]
    assert (own["name"], own["study"]) == ("sharp", "again")
    refused = sent(api, "studies/", 400, name="third", protocol="shrap", **given)
    assert refused["field"] == "protocol" and 'did you mean "sharp"' in refused["detail"]
    refused = sent(api, "studies/", 400, name="third", protocol="/etc/passwd", **given)
    assert "There is no protocol" in refused["detail"], "an API reads no files of the server"


def test_a_draft_is_changed_copied_and_deleted(api: APIClient) -> None:
    study = study_create(a_draft("pairwise-open", raters=2, contact="ada"))
    seen = api.get(f"{V1}/studies/small/").json()["version"]
    changed = sent(api, "studies/small/change/", 200, raters_per_panel=3, version=seen)
    assert changed["specification"]["panels"][0]["raters"] == 3
    assert changed["specification"]["raters"]["contact"] == "ada" and changed["version"] != seen
    refused = sent(api, "studies/small/change/", 409, contact="grace", version=seen)
    assert "has been changed meanwhile" in refused["detail"]
    assert sent(api, "studies/small/change/", 400, raters_per_pannel=3)["field"] == "raters_per_pannel"
    copied = sent(api, "studies/small/copy/", 201, name="other", design_seed=5)
    assert copied["specification"]["copied_from"]["differences"] == ["design seed: 5, where the copied study has 0"]
    assert sent(api, "studies/small/copy/", 400)["field"] == "name"
    assert api.delete(f"{V1}/studies/other/").status_code == 204
    study_open(study=study)
    kept = api.delete(f"{V1}/studies/small/")
    assert kept.status_code == 409 and "only drafts can be" in kept.json()["detail"]
    assert api.get(f"{V1}/studies/small/").json()["version"] == ""
    assert [each.name for each in Study.objects.all()] == ["small"]
