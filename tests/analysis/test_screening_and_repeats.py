"""Control trials, repeats and orders: who is kept, how often raters answer as before, how far two orders agree."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import validate_answers, validate_ratings
from evaluation.analysis.answers import no_answers
from evaluation.analysis.orders import Order, side_by_side
from evaluation.analysis.repeats import SeenAgain, seen_again, without_repeats
from evaluation.analysis.screening import Screening, screen


def rating(
    rater: str, prompt: str, choice: str, right: str = "", again: int = 0, question: str = "q"
) -> dict[str, object]:
    return {
        "rater_id": rater, "prompt_id": prompt, "category": "all", "generator_a": "one", "generator_b": "two",
        "question": question, "choice": choice, "control": bool(right), "control_answer": right, "repetition": again,
    }  # fmt: skip


def answer(
    rater: str, prompt: str, kind: str, value: object, right: object = None, again: int = 0, shown: object = ("one",)
) -> dict[str, object]:
    return {
        "rater_id": rater, "prompt_id": prompt, "category": "all", "question": kind, "kind": kind,
        "shown": json.dumps(shown), "value": json.dumps(value), "control": right is not None,
        "control_answer": "" if right is None else json.dumps(right), "repetition": again,
    }  # fmt: skip


def test_raters_are_kept_by_the_share_of_all_their_control_answers() -> None:
    ratings = [rating("r1", f"c{at}", "a" if at < 3 else "b", "a") for at in range(4)]
    ratings += [rating("r2", f"c{at}", "a", "a") for at in range(4)] + [rating("r3", "p", "a")]
    answers = [
        answer("r1", "c", "scale", 5, 5.0),
        answer("r2", "c", "ranking", [[1], [0]], [[0], [1]], shown=["a", "b"]),
    ]
    frames = validate_ratings(without_repeats(pd.DataFrame(ratings))), validate_answers(pd.DataFrame(answers))
    found = screen(*frames, 0.8, "four of five")
    assert [(each.rater_id, each.right, each.answered, each.kept) for each in found.raters] == [
        ("r1", 4, 5, True),
        ("r2", 4, 5, True),
        ("r3", 0, 0, True),
    ]
    assert screen(*frames, 0.9, "more").dropped == {"r1", "r2"} and found.share_right == pytest.approx(0.8)
    assert Screening.from_dict(found.to_dict()) == found


def test_both_bad_is_told_from_no_preference() -> None:
    """In a ratings file the two are one; the file of answers has the question too, and is what counts."""
    pair = ["one", "two"]
    ratings = validate_ratings(
        pd.DataFrame([rating("r1", "c", "indifferent", "indifferent", question="choice")]).drop(columns="repetition")
    )
    answers = validate_answers(pd.DataFrame([answer("r1", "c", "choice", "indifferent", "both_bad", shown=pair)]))
    (only,) = screen(ratings, answers, 1.0, "all").raters
    assert (only.right, only.answered) == (0, 1)


def test_repeats_are_compared_whichever_way_the_sets_stood() -> None:
    answers = [
        answer("r1", "p1", "ranking", [[0], [1, 2]], shown=["a", "b", "c"]),
        answer("r1", "p1", "ranking", [[2], [0, 1]], again=1, shown=["c", "b", "a"]),
        answer("r1", "p2", "ranking", [[0], [1, 2]], shown=["a", "b", "c"]),
        answer("r1", "p2", "ranking", [[0], [1, 2]], again=1, shown=["c", "b", "a"]),
        answer("r1", "p1", "scale", 5), answer("r1", "p1", "scale", 3, again=1),
        answer("r2", "p1", "scale", 2), answer("r2", "p1", "scale", 2, again=1),
        answer("r2", "p2", "scale", 4),
    ]  # fmt: skip
    ratings = [
        rating("r1", "p1", "a"),
        rating("r1", "p1", "a", again=1),
        rating("r2", "p1", "b"),
        rating("r2", "p1", "a", again=1),
    ]
    found = {each.kind: each for each in seen_again(pd.DataFrame(ratings), validate_answers(pd.DataFrame(answers)))}
    assert {kind: (each.same.estimate, each.n_answers) for kind, each in found.items()} == {
        "choice": (0.5, 2),
        "ranking": (0.5, 2),
        "scale": (0.5, 2),
    }
    assert found["scale"].difference == 1 and found["choice"].difference is None
    assert SeenAgain.from_dict(found["scale"].to_dict(), 0.95) == found["scale"]
    assert seen_again(without_repeats(pd.DataFrame(ratings)), validate_answers(no_answers())) == ()
    assert len(without_repeats(pd.DataFrame(ratings))) == 2


def order(source: str, values: dict[str, float], half: float | None = 0.1, falls: bool = False) -> Order:
    ends = {name: (None, None) if half is None else (each - half, each + half) for name, each in values.items()}
    rows = [(name, name, each, *ends[name]) for name, each in values.items()]
    return Order.of(source, "q", "mean", 0.95, rows, lower_is_better=falls)


def test_orders_agree_by_rank_and_their_errors_say_how_surely() -> None:
    up = order("one", {"a": 3.0, "b": 2.0, "c": 1.0, "d": 0.0})
    marks = order("two", {"a": 0.1, "b": 0.2, "c": 0.3, "e": 0.4}, 0.3, falls=True)
    turned = order("three", {"c": 3.0, "b": 2.0, "a": 1.0}, None)
    assert [each.key for each in marks.places] == ["a", "b", "c", "e"] and marks.rank_of("d") is None
    found = side_by_side([up, marks, turned], np.random.default_rng(1))
    by_pair = {(each.first, each.second): each for each in found.agreement}
    assert (by_pair[0, 1].tau, by_pair[0, 1].n) == (1.0, 3)
    low = by_pair[0, 1].low
    assert low is not None and low < 0.5, "the second order is far from sure"
    assert (by_pair[0, 2].tau, by_pair[0, 2].low) == (-1.0, None)
    assert [key for key, _ in found.labels] == ["a", "b", "c", "d", "e"]
    sure = side_by_side([up, order("four", {"a": 9.0, "b": 5.0, "c": 2.0, "d": 0.0})], np.random.default_rng(1))
    assert (sure.agreement[0].low, sure.agreement[0].high) == (1.0, 1.0)
    tied = order("five", {"a": 1.0, "b": 1.0, "c": 0.0})
    assert [each.rank for each in tied.places] == [1, 1, 3]
    alone = side_by_side([up, order("six", {"x": 1.0, "a": 0.0})], np.random.default_rng(1))
    assert alone.agreement == ()
