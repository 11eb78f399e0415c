"""Signs: a script at 300 ms and one at a second are seen, a person by keyboard is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis.answers import no_answers, validate_answers
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.signs import SIGNS, SignRules, Signs, find_signs, side_chance

QUESTIONS = ("fidelity", "alignment")
CHOICES = ("a", "indifferent", "b")


def rater(
    name: str, ms: tuple[int, int], *, n: int = 20, side: str = "", away: int = 0, clicks: int = 2, keys: int = 0
) -> list[dict[str, object]]:
    rng = np.random.default_rng(len(name))
    rows = []
    for position in range(n):
        left = bool(rng.random() < 0.5)
        for at, question in enumerate(QUESTIONS):
            choice = str(rng.choice(CHOICES))
            if side:
                choice = "a" if left == (side == "left") else "b"
            rows.append(
                {"rater_id": name, "prompt_id": f"p{position}", "category": "c", "generator_a": "A"}
                | {"generator_b": "B", "question": question, "choice": choice, "a_shown_left": left}
                | {"position": position, "response_time_ms": ms[0] + at * ms[1]}
                | {"times_away": away, "clicks": clicks, "keys": keys}
            )
    return rows


def found(rows: list[dict[str, object]], *, set_size: int = 1, rules: SignRules | None = None) -> Signs:
    frame = validate_ratings(pd.DataFrame(rows))
    none = validate_answers(no_answers())
    return find_signs(frame, none, rules or SignRules(), set_size=set_size, questions=QUESTIONS)


def names(signs: Signs) -> dict[str, set[str]]:
    return {each.rater_id: {one.sign for one in each.signs} for each in signs.raters}


def test_each_habit_shows_its_sign_and_a_person_by_keyboard_none() -> None:
    rows = [
        *rater("script", (300, 0), clicks=0),
        *rater("second", (1000, 0)),
        *rater("keyboard", (1600, 500), clicks=0, keys=2),
        *rater("leftist", (3000, 900), side="left"),
        *rater("absent", (9000, 900), away=2),
    ]
    signs = found(rows)
    assert names(signs) == {
        "script": {"speed", "untouched"}, "second": {"speed"}, "leftist": {"side"}, "absent": {"away"}
    }  # fmt: skip
    assert set().union(*names(signs).values()) == set(SIGNS), "each sign is met"
    assert not signs.excluded and signs.n_raters == 5
    assert Signs.from_dict(signs.to_dict()) == signs
    (side,) = next(each for each in signs.raters if each.rater_id == "leftist").signs
    assert (side.n, side.of) == (20, 20), "of a trial one answer counts: two to one trial are alike"
    assert side.chance == pytest.approx(2 * 0.5**20)


def test_more_images_take_longer() -> None:
    rules = SignRules()
    assert [rules.fastest_ms(images, place) for images, place in ((1, 0), (2, 0), (2, 1), (16, 0))] == [
        875, 950, 1200, 2000
    ]  # fmt: skip
    assert not found(rater("quick", (1300, 300))).raters
    assert names(found(rater("quick", (1300, 300)), set_size=8)) == {"quick": {"speed"}}


def test_a_declared_sign_excludes_and_a_few_answers_say_nothing() -> None:
    rows = [*rater("script", (300, 0)), *rater("leftist", (3000, 900), side="right"), *rater("new", (300, 0), n=2)]
    assert found(rows, rules=SignRules(exclude=("speed",))).excluded == {"script"}
    assert found(rows, rules=SignRules(exclude=("side", "away"))).excluded == {"leftist"}
    assert found(rater("new", (300, 0), n=2, side="left")).raters == ()


def test_the_chance_of_one_side() -> None:
    assert side_chance(10, 10) == pytest.approx(2 / 1024)
    assert side_chance(5, 10) == 1


def test_single_images_are_seen_too() -> None:
    rows = [
        {"rater_id": "script", "prompt_id": f"p{at}", "category": "c", "question": "fit", "kind": "scale"}
        | {"shown": '["A"]', "value": "3", "position": at, "response_time_ms": 300, "repetition": 0}
        for at in range(10)
    ]
    answers = validate_answers(pd.DataFrame(rows))
    ratings = validate_ratings(
        pd.DataFrame(columns=["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"])
    )
    signs = find_signs(ratings, answers, SignRules(), set_size=1, questions=("fit",))
    assert names(signs) == {"script": {"speed"}} and not signs.noted
