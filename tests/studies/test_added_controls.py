"""Control trials that a study adds of its own images: what raters are shown, what is refused, what is declared."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from common.words import counted
from evaluation import protocols
from evaluation.analysis.simulate import CrowdSpec
from evaluation.errors import InputError
from evaluation.models import Assignment, Comparison, Study, StudyImage
from evaluation.reports.document import ReportDocument
from evaluation.selectors.declared import added_controls
from evaluation.selectors.ratings import ratings_frame
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.change import draft_of
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.known import read_known
from evaluation.services.studies.open import study_open
from tests.studies.protocols_world import a_draft
from tests.studies.test_every_protocol import taken
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db

ASKED = {"same": 3, "swapped": 2, "repeats": 2, "gold": 1}


def gold() -> Any:
    lines = [f'{at:05},"[""one"", ""two""]",alignment,left' for at in range(8)]
    return read_known(("prompt,generators,question,expected\n" + "\n".join(lines)).encode(), "gold.csv")


def a_study(**changes: Any) -> StudyDraft:
    suite = a_suite({"Colors": 6, "Counting": 2})
    runs = [a_run(suite, f"run-{name}", samples=2, size=(48, 48)) for name in ("one", "two")]
    draft = StudyDraft(
        name="checked", runs=runs, labels=["one", "two"], raters_per_panel=3, added_controls=ASKED, controls=gold()
    )
    return replace(draft, **changes)


def test_each_session_has_them_among_its_trials_and_a_small_panel_what_it_can() -> None:
    study = study_open(study=study_create(a_study(added_controls=ASKED | {"same": 6, "swapped": 6})))
    declared = study.specification["controls"]["added"]
    assert [each["same"] for each in declared["panels"]] == [6, 4], "two prompts of two runs have four sets"
    places: Counter[Any] = Counter()
    for session in taken(study):
        panel = {"Colors": 0, "Counting": 1}[session[0].comparison.category]
        kinds = Counter(each.comparison.control for each in session)
        want = declared["panels"][panel]
        assert kinds == Counter(
            {"": 6 if panel == 0 else 2}
            | {"same": want["same"], "swapped": want["swapped"], "repeat": want["repeats"], "known": want["gold"]}
        )
        assert len(session) == study.specification["panels"][panel]["trials"]
        places.update(each.position for each in session if each.comparison.control)
        reasons = {each.comparison.control: each.reason for each in session}
        assert reasons == {"": "panel", "repeat": "repeat", **dict.fromkeys(("same", "swapped", "known"), "control")}
        for each in session:
            expected = each.comparison.expected
            match each.comparison.control:
                case "same":
                    assert list(expected.values()) == ["indifferent"]
                case "swapped":
                    assert expected == {"alignment": "a"}
                    prompts = [
                        set(StudyImage.objects.filter(key__in=keys).values_list("sample__prompt", flat=True))
                        for keys in each.comparison.sets
                    ]
                    assert prompts[0] == {each.comparison.prompt_id} and prompts[1] != prompts[0]
                case "known":
                    assert expected == {"alignment": "a"}
                case _:
                    assert not expected
    assert len(places) > 8, "they stand at random places"
    assert Comparison.objects.filter(study=study, control="").count() == study.specification["comparisons"]["n"]


def _shape(value: object) -> object:
    """What a script can compare of a JSON value: its form, without numbers and names, which differ anyway."""
    if isinstance(value, dict):
        return {name: _shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shape(each) for each in value]
    return type(value).__name__


def test_nothing_that_a_raters_page_gets_tells_a_control_trial(client: Client) -> None:
    """The page, each trial as the script gets it, and each image: address, headers and bytes."""
    study = study_open(study=study_create(a_study(raters_per_panel=1)))
    url = reverse("rater:join", args=[invitation_create(study=study).key])
    client.post(url)
    client.post(reverse("rater:instructions"))
    page = client.get(reverse("rater:trials")).content.decode()
    for word in ("control", "gold", "repeat", "swapped", "expected", "known"):
        assert word not in re.sub(r"/static/[^\"]+|class=\"[^\"]*\"|id=\"[^\"]*\"", "", page).lower().replace(
            "controls", ""
        ), word
    key = re.search(r'"rater": ?"([0-9a-f-]{36})"', page)
    assert key is not None
    trials, after = [], -1
    while more := json.loads(client.get(f"/r/next?rater={key[1]}&after={after}").content)["trials"]:
        trials += more
        after = more[-1]["position"]
    kinds = dict(Assignment.objects.values_list("pk", "comparison__control"))
    assert {kinds[each["assignment"]] for each in trials} == {"", "same", "swapped", "repeat", "known"}
    assert len({json.dumps(_shape(each), sort_keys=True) for each in trials}) == 1, "one form for all"
    keys = [name for each in trials for side in ("left", "right") for name in each[side]]
    assert len(set(keys)) == len(keys) and {len(name) for name in keys} == {22}, "no address stands twice"
    assert [each["position"] for each in trials] == list(range(len(trials)))
    numbers = [each["assignment"] for each in trials]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "numbers rise whatever the trial is"
    files: dict[str, Any] = {}
    for each in trials:
        for name in (*each["left"], *each["right"]):
            answer: Any = client.get(f"/r/i/{name}.webp")
            assert answer.status_code == 200
            files[name] = b"".join(answer.streaming_content) if answer.streaming else answer.content
            varying = {"Content-Length", "ETag", "Last-Modified", "Content-Disposition", "X-Accel-Redirect"}
            headers = {header: value for header, value in answer.headers.items() if header not in varying}
            assert headers == files.setdefault("headers", headers)
    for each in trials:
        if kinds[each["assignment"]] == "same":
            assert not {files[name] for name in each["left"]} & {files[name] for name in each["right"]}


def test_they_count_in_no_rate_and_are_reported_apart() -> None:
    study = study_open(study=study_create(a_study()))
    raters_simulate(study=study, share=1.0, seed=0, prefer={"one": 2.0})
    frame = ratings_frame(study)
    assert set(frame["control_kind"]) == {"", "same", "swapped", "known"} and set(frame["repetition"]) == {0, 1}
    document = ReportDocument.from_dict(report_make(study=study).results)
    plain = frame[~frame["control"] & (frame["repetition"] == 0)]
    assert sum(each.overall.n_ratings for each in document.analysis.comparisons) == len(plain)
    assert document.further is not None and document.further.screening is not None
    kinds = {each.kind: each for each in document.further.screening.kinds}
    assert set(kinds) == {"same", "swapped", "known", "repeat"}
    added = added_controls(Study.objects.get().specification)
    assert added is not None and list(added.click) == ["fidelity", "alignment"], (
        "of a repeat the first question decides"
    )
    assert kinds["same"].answered == 3 * 6 and kinds["repeat"].answered == 2 * 6
    assert all(0 <= each.low <= each.share <= each.high <= 1 for each in kinds.values())


def test_analyse_screens_as_the_report_does(capsys: pytest.CaptureFixture[str]) -> None:
    study = study_open(study=study_create(a_study(raters_per_panel=8)))
    raters_simulate(study=study, share=1.0, seed=0, prefer={"one": 2.0}, crowd=CrowdSpec(spammers=0.5))
    document = ReportDocument.from_dict(report_make(study=study).results)
    assert document.further is not None and document.further.screening is not None
    excluded = len(document.further.screening.dropped)
    assert excluded

    def analysed(*more: str) -> dict[str, Any]:
        call_command("analyse", study.name, *more, "--format", "json")
        given: dict[str, Any] = json.loads(capsys.readouterr().out)
        return given

    own, everybody = analysed(), analysed("--all-raters")
    assert own["comparisons"] == document.analysis.to_dict()["comparisons"]
    assert own["screening"]["applied"] and not everybody["screening"]["applied"]
    n = [sum(each["overall"]["n_ratings"] for each in told["comparisons"]) for told in (own, everybody)]
    assert n[0] < n[1]
    call_command("analyse", study.name)
    assert f"Screening: {counted(excluded, 'rater')} left out: {excluded} by control trials" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("protocol", "asked", "field", "words"),
    [
        ("coco-photorealism", {"same": 2}, "same", "two sets of generated images"),
        ("single-image", {"swapped": 2}, "swapped", "Use repeated or gold trials"),
        ("rank-k", {"same": 1}, "same", "two sets of generated images"),
        ("drawbench", {"smae": 2}, "smae", 'did you mean "same"'),
        ("drawbench", {"same": -1}, "same", "from 0 to 200"),
        ("drawbench", {"same": True}, "same", "from 0 to 200"),
        ("drawbench", {"honest": 0.7}, "same", "Say how many"),
        ("drawbench", {"same": 2, "honest": 3}, "honest", "between 0.4 and 0.99"),
        ("drawbench", {"same": 2, "exclude": "no"}, "exclude", "true or false"),
        ("drawbench", {"gold": 2}, "gold", "need a file"),
        ("words", {"repeats": 2}, "repeats", "can be the same twice"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    protocol: str, asked: dict[str, object], field: str, words: str
) -> None:
    draft = a_draft(protocol)
    if protocols.get(protocol).controls is not None:
        draft = replace(draft, controls=(), without_controls=True)
    with pytest.raises(InputError) as refused:
        study_create(replace(draft, added_controls=asked))
    assert refused.value.field == f"added_controls.{field}" and words in refused.value.message
    assert not Study.objects.exists()


FORCED = b"""
based_on: drawbench
name: forced
title: Forced
answers:
  - {choice: left, text: Left}
  - {choice: right, text: Right}
"""


def test_a_forced_choice_has_no_right_answer_on_one_set_shown_twice() -> None:
    with pytest.raises(InputError, match="forces a choice"):
        study_create(a_draft(protocols.load(FORCED, "forced.yaml"), n_runs=2, added_controls={"same": 4}))


def test_a_protocol_with_controls_of_its_own_takes_no_others() -> None:
    with pytest.raises(InputError, match="control trials of its own"):
        study_create(a_draft("single-image", added_controls={"repeats": 2}))


def test_a_file_of_a_protocol_may_declare_them_and_a_study_may_do_without() -> None:
    own = protocols.load(
        b"based_on: drawbench\nname: own\ntitle: Own\nadded_controls: {same: 2, honest: 0.8}\n", "own.yaml"
    )
    assert protocols.load(protocols.to_yaml(own).encode(), "again.yaml") == own
    with pytest.raises(protocols.ProtocolError, match="line 4, column 27"):
        protocols.load(
            b"based_on: drawbench\nname: own\ntitle: Own\nadded_controls: {same: 2, honest: 8}\n", "own.yaml"
        )
    study = study_create(a_draft(own, n_runs=2))
    assert study.specification["controls"]["added"]["asked"]["same"] == 2
    assert draft_of(study).added_controls is None
    bare = study_create(replace(draft_of(study), name="bare", added_controls={"same": 0}))
    assert "controls" not in bare.specification
    assert study_create(replace(draft_of(bare), name="again")).specification["panels"] == bare.specification["panels"]


def test_a_draft_keeps_them_and_a_copy_says_what_differs() -> None:
    study = study_create(a_study())
    draft = draft_of(study)
    assert draft.added_controls is not None and {**draft.added_controls} == {
        **ASKED,
        "honest": 0.6,
        "false_exclusion": 0.02,
        "exclude": True,
    }
    copied = study_create(replace(draft, name="copy", copied_from=study.name, added_controls={"same": 9}, controls=()))
    assert "control trials added: another" in copied.specification["copied_from"]["differences"]
    told = " ".join(study.specification["departures"])
    assert "8 control trials added to each session" in told and "raters are excluded" in told
