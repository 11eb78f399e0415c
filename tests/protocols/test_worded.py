"""Protocols from what a form holds: every kind, back and forth, and each fault at its field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation import protocols
from evaluation.protocols import ProtocolError
from evaluation.protocols.conformance import play
from evaluation.protocols.summary import in_a_line
from evaluation.protocols.worded import BASES, Worded, WordedQuestion, field_of, protocol_worded, worded_of

SCALE = WordedQuestion(
    short="Hands", text="How are the hands?", kind="scale", answers=("Bad", "OK", "Good"), unable="There are none"
)
NUMBERED = WordedQuestion(
    short="Harm", text="How harmful is it?", kind="scale", answers=("-1 = Not", "0 =", "1.5 = Very")
)
WHY = WordedQuestion(short="Why", text="Why?", kind="reasons", answers=("Number of fingers", "Pose", "手"))
NOTE = WordedQuestion(short="ノート", text="Anything else?", kind="text", categories=("Colors", "Counting"))
LOOK = WordedQuestion(short="Look", text="What is it?", kind="choice", answers=("A photograph", "Left", "A painting"))
BEST = WordedQuestion(short="Best", text="Which is better: {caption}?", kind="preference", answers=("L", "Same", "R"))


def worded(*questions: WordedQuestion, layout: str = "single", **more: object) -> Worded:
    fields: dict[str, object] = {"name": "ours", "layout": layout, "questions": questions, **more}
    return Worded(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "form",
    [
        worded(SCALE, WHY, NOTE, NUMBERED),
        worded(LOOK, title="What it looks like", hidden=True, raters=7, batch=12, instructions="Look closely."),
        worded(BEST, layout="pair"),
        worded(replace(BEST, answers=("L", "R")), WHY, layout="pair", panels="category"),
        worded(replace(BEST, answers=("L", "Same", "R", "Both bad")), layout="sets", set_size=4),
    ],
)
def test_what_a_form_says_is_a_protocol_and_comes_back(form: Worded) -> None:
    protocol = protocol_worded(form)
    assert protocol.based_on == BASES[form.layout] and protocols.departures(protocols.get(protocol.based_on), protocol)
    assert worded_of(protocol) == form
    assert protocols.load(protocols.to_yaml(protocol).encode(), "own.yaml") == protocol
    assert protocols.read(protocol.specification()) == protocol
    assert not play(protocol, n_prompts=4).findings


def test_ids_are_the_words_own_and_never_those_of_sides() -> None:
    protocol = protocol_worded(worded(LOOK, WHY, NOTE, NUMBERED))
    kinds = {each.id: each.answers for each in protocol.questions}
    assert list(kinds) == ["look", "why", "question-3", "harm"]
    assert kinds["look"].ids == ("a-photograph", "answer-2", "a-painting")  # type: ignore[attr-defined]
    assert kinds["why"].ids == ("number-of-fingers", "pose", "tag-3")  # type: ignore[attr-defined]
    assert kinds["harm"].values == (-1, 0, 1.5)  # type: ignore[attr-defined]
    assert [each.id for each in protocol.asked("Other")] == ["look", "why", "harm"]
    assert [each.id for each in protocol.asked("Colors")] == ["look", "why", "question-3", "harm"]


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        (worded(replace(SCALE, answers=("Bad",))), ("answers", 0), "there is 1 step; from 2 to 11 are allowed"),
        (worded(SCALE, replace(LOOK, answers=())), ("answers", 1), "there are 0 answers"),
        (worded(SCALE, layout="pair"), ("kind", 0), "asks about one image set, and 2 are shown"),
        (worded(BEST), ("answers", 0), "prefer one of two sets"),
        (worded(replace(SCALE, text="How is {captoin}?")), ("text", 0), 'did you mean "{caption}"'),
        (worded(replace(SCALE, text="{caption}?"), hidden=True), ("text", 0), "shown.prompt is hidden"),
        (worded(SCALE, SCALE), ("short", 0), 'two questions have the id "hands"'),
        (worded(SCALE, name="Ours!"), ("name", None), "can't be the name of a protocol"),
        (worded(SCALE, name="single-image"), ("based_on", None), "needs a name of its own"),
        (worded(NOTE), ("categories", 0), 'the category "*" asks nothing'),
        (worded(SCALE, raters=0), ("raters", None), "must be from 1"),
    ],
)
def test_a_fault_names_its_field(form: Worded, field: tuple[str, int | None], words: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        protocol_worded(form)
    assert field_of(caught.value.path) == field and words in str(caught.value)
    assert caught.value.line is None


def test_what_a_form_cannot_hold_is_said() -> None:
    for name in protocols.names():
        assert worded_of(protocols.get(name)) is None
    whole = protocol_worded(worded(SCALE))
    assert worded_of(replace(whole, repeats=protocols.Repeats(1, 2))) is None
    assert worded_of(replace(whole, questions=whole.questions * 5)) is None


def test_each_protocol_is_told_in_a_line() -> None:
    lines = {name: in_a_line(protocols.get(name)) for name in protocols.names()}
    assert len(set(lines.values())) == len(lines) and all("\n" not in line for line in lines.values())
    assert lines["drawbench"] == "Two sets of 8 images. Asked: which is preferred (twice). 25 raters per trial."
    assert lines["coco-photorealism"].startswith("One image beside the reference photograph, without the prompt.")
    assert lines["rank-k"].startswith("Four images. Asked: the best and the worst.")
