"""Every protocol is played through, from its design to its files; and the play finds what is broken on purpose."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from evaluation import protocols
from evaluation.analysis import analyse, validate_ratings
from evaluation.design import PanelPlan, Showing
from evaluation.protocols import AnswerError, Protocol, conformance
from evaluation.protocols.parts import Repeats
from evaluation.protocols.rows import AnswerRow
from tests.protocols.test_docs import BLOCKS

OWN = {f"page {at}": protocols.load(block.encode(), "page") for at, block in enumerate(BLOCKS)}
EVERY: dict[str, Protocol] = {name: protocols.get(name) for name in protocols.names()} | OWN


def small(protocol: Protocol) -> Protocol:
    """With few raters, so that a play takes a second."""
    return replace(protocol, raters_per_panel=min(protocol.raters_per_panel, 5))


@pytest.mark.parametrize("name", EVERY)
def test_every_protocol_keeps_what_protocols_must_keep(name: str) -> None:
    played = conformance.play(small(EVERY[name]), n_prompts=10, n_generators=4, seed=3)
    assert played.findings == ()
    assert played.answers and {row.kind for row in played.answers} == {
        question.answers.name for question in EVERY[name].questions
    }


@pytest.mark.parametrize("name", [name for name, protocol in EVERY.items() if "left" in protocol.choices])
def test_preferences_make_a_ratings_file(name: str) -> None:
    protocol = small(EVERY[name])
    played = conformance.play(protocol, n_prompts=6, n_generators=3)
    assert len(played.ratings) == len(played.answers)
    frame = validate_ratings(pd.DataFrame([row for row in played.ratings if not row["repetition"]]))
    assert len(frame) == sum(not row.repetition for row in played.answers)
    assert {each.question for each in analyse(frame).comparisons} == {each.id for each in protocol.questions}
    bad = [row for row in played.answers if row.value == "both_bad"]
    assert bool(bad) == ("both_bad" in protocol.choices)
    assert sum(row["choice"] == "indifferent" for row in played.ratings) == len(bad) + sum(
        row.value == "indifferent" for row in played.answers
    )


def test_answers_survive_a_csv_file(tmp_path: Path) -> None:
    protocol = small(protocols.get("words"))
    played = conformance.play(protocol, n_prompts=3)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(played.answers[0].to_dict()))
    writer.writeheader()
    writer.writerows(row.to_dict() for row in played.answers)
    read = list(csv.DictReader(io.StringIO(out.getvalue())))
    prompts = {prompt.id: prompt for prompt in conformance._prompts(protocol, 3)}
    assert [AnswerRow.from_dict(cells, protocol, prompts[cells["prompt_id"]].text) for cells in read] == list(
        played.answers
    )


def test_a_row_of_another_protocol_is_refused() -> None:
    row = conformance.play(small(protocols.get("words")), n_prompts=3).answers[0].to_dict()
    with pytest.raises(AnswerError, match="the questions of rank-k"):
        AnswerRow.from_dict(row, protocols.get("rank-k"), "a b c")
    with pytest.raises(AnswerError, match="the kind words"):
        AnswerRow.from_dict(row | {"kind": "text"}, protocols.get("words"), "a b c")
    with pytest.raises(AnswerError, match="a list of places of words"):
        AnswerRow.from_dict(row | {"value": "[99]"}, protocols.get("words"), "a b c")


def broken(plan: PanelPlan, how: str) -> PanelPlan:
    """The plan with one thing wrong in the first session."""
    session = list(plan.sessions[0])
    first = next(at for at, each in enumerate(session) if each.trial is not None and not each.repetition)
    again = next((at for at, each in enumerate(session) if each.repetition), None)
    if how == "twice":
        session[-1] = session[first]
    elif how == "turned":
        session = [replace(each, order=tuple(sorted(each.order))) for each in session]
    elif how == "soon":
        assert again is not None
        repeat = session.pop(again)
        at = next(at for at, each in enumerate(session) if each.trial == repeat.trial)
        session.insert(at + 1, repeat)
    elif how == "no repeat":
        assert again is not None
        del session[again]
    elif how == "control":
        session.append(Showing(None))
    return replace(plan, sessions=(tuple(session), *plan.sessions[1:]))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("twice", "a trial is seen twice"),
        ("turned", "do not stand in each place equally often"),
        ("soon", "a repeat comes too soon"),
        ("no repeat", "where 3 are declared"),
        ("control", "control trials are not where"),
    ],
)
def test_the_play_finds_what_is_broken(how: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = replace(small(protocols.get("pairwise-open")), repeats=Repeats(3, 5))
    assert conformance.play(protocol).findings == ()
    plan = conformance.plan_panel
    monkeypatch.setattr(
        conformance, "plan_panel", lambda shape, *, seed, panel: broken(plan(shape, seed=seed, panel=panel), how)
    )
    findings = conformance.play(protocol).findings
    assert any(message in finding.message for finding in findings), findings
