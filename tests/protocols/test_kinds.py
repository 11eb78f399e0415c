"""Each kind of answer takes what it declares, in one form, and says what is allowed where it doesn't."""

import json
import random
from collections.abc import Sequence

import pytest

from evaluation.protocols import AnswerError
from evaluation.protocols.kinds import (
    KINDS,
    Answer,
    Choice,
    Claim,
    Kind,
    Points,
    Ranking,
    Reasons,
    Scale,
    Step,
    Tag,
    Text,
    Words,
    value_of,
    value_text,
)

PROMPT = "a red cube on a blue ball"
PAIR = Choice((Answer("left", "L"), Answer("indifferent", "N"), Answer("right", "R"), Answer("both_bad", "B")))
SCALE = Scale((Step(1, "bad"), Step(2), Step(3, "good")), unable="can't say")
EVERY: tuple[tuple[Kind, int], ...] = (
    (PAIR, 2),
    (SCALE, 1),
    (Ranking(), 4),
    (Ranking(ties=True), 4),
    (Ranking("best-worst"), 5),
    (Claim(), 1),
    (Claim(unsure="?"), 1),
    (Words(), 1),
    (Points(3), 1),
    (Reasons((Tag("hands", "Hands"), Tag("text", "Text"))), 1),
    (Text(), 1),
)


@pytest.mark.parametrize(("kind", "shown"), EVERY, ids=lambda each: getattr(each, "name", None))
def test_examples_pass_are_kept_as_they_are_and_survive_a_file(kind: Kind, shown: int) -> None:
    rng = random.Random(5)
    for _ in range(50):
        value = kind.example(rng, shown=shown, prompt=PROMPT)
        checked = kind.check(value, shown=shown, prompt=PROMPT)
        assert checked == value
        assert kind.check(value_of(value_text(checked)), shown=shown, prompt=PROMPT) == checked
        assert json.loads(json.dumps(checked)) == checked
        assert isinstance(kind.label(checked, PROMPT), str)


def test_every_kind_is_tried() -> None:
    assert {type(kind) for kind, _ in EVERY} == set(KINDS.values())


@pytest.mark.parametrize(("kind", "shown"), EVERY, ids=lambda each: getattr(each, "name", None))
@pytest.mark.parametrize("value", [None, True, {}, {"a": 1}, "nonsense\x00", [[]], [None], -1, 1.5, ["a", ["b"]]])
def test_no_kind_takes_nonsense(kind: Kind, shown: int, value: object) -> None:
    with pytest.raises(AnswerError, match="Allowed: ") as caught:
        kind.check(value, shown=shown, prompt=PROMPT)
    assert caught.value.kind == kind.name and caught.value.allowed in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "shown", "value", "wanted"),
    [
        (SCALE, 1, 2.0, 2),
        (SCALE, 1, "unable", "unable"),
        (Ranking(), 3, [2, 0, 1], [[2], [0], [1]]),
        (Ranking(ties=True), 3, [[2, 0], [1]], [[0, 2], [1]]),
        (Ranking("best-worst"), 4, [[3], [2, 1], [0]], [[3], [1, 2], [0]]),
        (Words(), 1, [3, 1, 3], [1, 3]),
        (Words(), 1, [], []),
        (Points(2), 1, [0.25, 0.75], [0.25, 0.75]),
        (Points(2), 1, [[0.25, 0.75]], [0.25, 0.75]),
        (Points(2), 1, [[0, 1], [0.123456, 0.5]], [[0.0, 1.0], [0.1235, 0.5]]),
        (Reasons((Tag("a", "A"), Tag("b", "B"))), 1, ["b", "a", "b"], ["a", "b"]),
        (Text(), 1, "  one\r\ntwo ", "one\ntwo"),
    ],
)
def test_values_come_in_one_form(kind: Kind, shown: int, value: object, wanted: object) -> None:
    assert kind.check(value, shown=shown, prompt=PROMPT) == wanted


@pytest.mark.parametrize(
    ("kind", "shown", "value", "allowed"),
    [
        (PAIR, 2, "a", "left, indifferent, right, both_bad"),
        (SCALE, 1, 4, '1, 2, 3, "unable"'),
        (SCALE, 1, "1", '1, 2, 3, "unable"'),
        (Scale((Step(1, "a"), Step(2, "b"))), 1, "unable", "1, 2"),
        (Ranking(), 3, [[0, 1], [2]], "without ties"),
        (Ranking(), 3, [[0], [1]], "each of 0 to 2 once"),
        (Ranking(ties=True), 3, [[0], [], [1, 2]], "each of 0 to 2 once"),
        (Ranking("best-worst"), 4, [[0], [1], [2], [3]], "the best alone"),
        (Claim(), 1, "unsure", "yes, no"),
        (Words(), 1, [7], "0 to 6"),
        (Points(1), 1, [[0, 0], [1, 1]], "at most 1 points"),
        (Points(1), 1, [0, 1.01], "from 0 to 1"),
        (Points(1), 1, [0, float("nan")], "from 0 to 1"),
        (Reasons((Tag("a", "A"),)), 1, ["c"], "any of a"),
        (Text(at_most=3), 1, "four", "0 to 3 characters"),
        (Text(required=True), 1, "  ", "1 to 1,000 characters"),
    ],
)
def test_the_error_names_what_is_allowed(kind: Kind, shown: int, value: object, allowed: str) -> None:
    with pytest.raises(AnswerError) as caught:
        kind.check(value, shown=shown, prompt=PROMPT)
    assert allowed in caught.value.allowed


@pytest.mark.parametrize(
    ("kind", "value", "label"),
    [
        (PAIR, "both_bad", "B"),
        (SCALE, 3, "good"),
        (SCALE, 2, "2"),
        (SCALE, "unable", "can't say"),
        (Ranking(ties=True), [[1], [0, 2]], "2 > 1 = 3"),
        (Claim(unsure="?"), "unsure", "?"),
        (Words(), [1, 5], "red, blue"),
        (Points(), [[0.5, 0.25], [0, 1]], "0.5, 0.25; 0, 1"),
        (Reasons((Tag("a", "Aaa"), Tag("b", "Bbb"))), ["a", "b"], "Aaa, Bbb"),
        (Text(), "as it is", "as it is"),
    ],
)
def test_labels_are_for_people(kind: Kind, value: object, label: str) -> None:
    assert kind.label(kind.check(value, shown=3, prompt=PROMPT), PROMPT) == label


@pytest.mark.parametrize("kind", [kind for kind, _ in EVERY], ids=lambda each: each.name)
def test_a_translation_touches_texts_alone(kind: Kind) -> None:
    turned = kind.translated(str.upper)
    assert turned.texts() == tuple(text.upper() for text in kind.texts())
    assert turned.translated(lambda text: dict(zip(turned.texts(), kind.texts(), strict=True))[text]) == kind


@pytest.mark.parametrize(
    ("kind", "sets", "set_size", "reason"),
    [
        (Choice((Answer("yes", "Yes"),)), 1, 1, "from 2 to 11"),
        (Choice((Answer("yes", "Yes"), Answer("yes", "No"))), 1, 1, "stands twice"),
        (Choice((Answer("yes", "Yes"), Answer("no", "yes"))), 1, 1, "could not tell the two apart"),
        (Choice((Answer("Yes!", "Yes"), Answer("no", "No"))), 1, 1, "can't be an id"),
        (Choice((Answer("left", "L"), Answer("no", "No"))), 2, 1, '"right" is missing'),
        (Choice((Answer("left", "L"), Answer("right", "R"), Answer("maybe", "M"))), 2, 1, "can't stand beside"),
        (PAIR, 1, 1, "set shown.sets to 2"),
        (PAIR, 3, 1, "set shown.sets to 2"),
        (Scale((Step(1, "one"),)), 1, 1, "there is 1 step"),
        (Scale((Step(1, "a"), Step(3, "b"), Step(2, "c"))), 1, 1, "all rise, or all fall"),
        (Scale((Step(1, "a"), Step(1, "b"))), 1, 1, "all rise, or all fall"),
        (Scale((Step(1), Step(2, "b"))), 1, 1, "need a text"),
        (SCALE, 2, 1, "asks about one image set"),
        (Ranking(), 1, 1, "needs 2 or more"),
        (Ranking("best-worst"), 2, 1, "needs 3 or more"),
        (Ranking("best-worst", ties=True), 4, 1, "leave ties out"),
        (Claim("Yes", "yes"), 1, 1, "could not tell them apart"),
        (Claim(), 2, 1, "asks about one image set"),
        (Words(), 2, 1, "asks about one image set"),
        (Points(), 1, 4, "on one image"),
        (Points(0), 1, 1, "at_most must be"),
        (Reasons(()), 1, 1, "from 1 to 11"),
        (Text(0), 1, 1, "at_most must be"),
    ],
)
def test_declarations_that_cannot_be(kind: Kind, sets: int, set_size: int, reason: str) -> None:
    reasons: Sequence[str] = [each for _, each in kind.faults(sets, set_size)]
    assert any(reason in each for each in reasons), reasons


def test_a_bare_word_in_a_file_counts_as_text() -> None:
    assert (value_of("yes"), value_of('"yes"'), value_of("50"), value_of("[1,2]")) == ("yes", "yes", 50, [1, 2])
