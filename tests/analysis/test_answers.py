"""Answers of every kind: the form of their file, and estimates that recover what was planted."""

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evaluation.analysis import (
    AnswerAnalysis,
    Interval,
    RatingsError,
    analyse,
    analyse_answers,
    analyse_scores,
    preferences,
    read_answers,
    validate_answers,
    validate_ratings,
)
from evaluation.protocols import conformance, get, names

GENERATORS = ("cube", "sphere")


def cells(
    rater: str = "r1",
    prompt: str = "p1",
    question: str = "q",
    kind: str = "scale",
    shown: str = '["cube"]',
    value: str = "3",
    **more: object,
) -> dict[str, object]:
    own = {"rater_id": rater, "prompt_id": prompt, "category": "all", "question": question}
    return {**own, "kind": kind, "shown": shown, "value": value, **more}


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"kind": "scael"}, "kind", 'did you mean "scale"?'),
        ({"value": "much"}, "value", 'a number, or "unable"'),
        ({"value": "true"}, "value", "a number"),
        ({"value": "NaN"}, "value", "a number"),
        ({"kind": "claim", "value": "maybe"}, "value", "yes, no or unsure"),
        ({"kind": "ranking", "value": "[[0],[0]]"}, "value", "each place of shown once"),
        ({"kind": "ranking", "value": "[[0],[1]]"}, "value", "each place of shown once"),
        ({"kind": "words", "value": "[-1]"}, "value", "places of words"),
        ({"kind": "points", "value": "[0.5, 1.5]"}, "value", "fractions of the image"),
        ({"kind": "points", "value": "[[0.5]]"}, "value", "fractions of the image"),
        ({"kind": "reasons", "value": "[1]"}, "value", "a list of tags"),
        ({"kind": "text", "value": "5"}, "value", "a text"),
        ({"kind": "choice", "value": '""'}, "value", "the id"),
        ({"shown": "cube"}, "shown", "JSON list of generators"),
        ({"shown": "[]"}, "shown", "JSON list of generators"),
        ({"shown": '["cube", "cube"]'}, "shown", "twice"),
        ({"rater_id": ""}, "rater_id", "empty"),
        ({"repetition": "-1"}, "repetition", "whole number"),
        ({"repetition": "x"}, "repetition", "whole number"),
    ],
)
def test_a_row_that_cannot_be_is_named(change: dict[str, str], column: str, reason: str) -> None:
    with pytest.raises(RatingsError) as caught:
        validate_answers(
            pd.DataFrame([cells(rater="r0"), cells() | change]), source="answers.csv", places="line 3".format
        )
    message = str(caught.value)
    if column != "repetition":
        assert "row 2 (line 3)" in message
    assert f"column {column}" in message and reason in message


def test_columns_and_doubled_answers_are_named() -> None:
    with pytest.raises(RatingsError, match="lacks the column value"):
        validate_answers(pd.DataFrame([cells()]).drop(columns="value"))
    with pytest.raises(RatingsError, match="answered this question about this trial before"):
        validate_answers(pd.DataFrame([cells(), cells(value="2")]))
    twice = validate_answers(pd.DataFrame([cells(repetition=0), cells(value="2", repetition=1)]))
    assert list(twice["repetition"]) == [0, 1]


@pytest.mark.parametrize("name", names())
def test_what_a_protocol_writes_is_read(name: str, tmp_path: Path) -> None:
    import dataclasses

    played = conformance.play(dataclasses.replace(get(name), raters_per_panel=3), n_prompts=4, n_generators=4)
    path = tmp_path / "answers.csv"
    pd.DataFrame([row.to_dict() for row in played.answers]).to_csv(path, index=False)
    answers = read_answers(path)
    assert len(answers) == len(played.answers)
    assert [tuple(shown) for shown in answers["shown"]] == [row.shown for row in played.answers]
    assert list(answers["value"]) == [row.value for row in played.answers]
    ours = pd.DataFrame(played.ratings)
    read = preferences(answers)
    assert len(read) == len(ours)
    if len(ours):
        assert (read["choice"].to_numpy() == ours["choice"].to_numpy()).all()
    prompts = {f"{at:05d}": f"A made prompt, number {at} of nothing." for at in range(8)}
    found = analyse_answers(answers, prompts=prompts)
    assert AnswerAnalysis.from_dict(json.loads(found.to_json())).to_json() == found.to_json()
    assert bool(found.estimates or found.rankings or len(read))


def test_files_that_are_none_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(RatingsError, match="does not exist"):
        read_answers(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "latin.csv").write_bytes(b"rater_id\n\xff\xfe\n")
    for name in ("empty.csv", "latin.csv"):
        with pytest.raises(RatingsError, match="is empty|cannot be read as CSV"):
            read_answers(tmp_path / name)


def simulated(
    kind: str, answer: Callable[[str, random.Random, float], Any], rng: random.Random, claims: int = 0
) -> pd.DataFrame:
    """A study of two generators, 12 raters and 20 prompts, whose prompts and raters differ."""
    rater_effect = [rng.gauss(0, 0.25) for _ in range(12)]
    prompt_effect = [rng.gauss(0, 0.25) for _ in range(20)]
    rows = []
    for generator, (r, rater), (p, prompt) in itertools.product(
        GENERATORS, enumerate(rater_effect), enumerate(prompt_effect)
    ):
        for claim in range(max(claims, 1)):
            value = json.dumps(answer(generator, rng, rater + prompt))
            question = f"q:{claim}" if claims else "q"
            rows.append(cells(f"r{r}", f"p{p}", question, kind, json.dumps([generator]), value))
    return validate_answers(pd.DataFrame(rows))


CHANCE = {"cube": 0.7, "sphere": 0.4}


def bounded(chance: float) -> float:
    return min(max(chance, 0.02), 0.98)


def says_yes(generator: str, rng: random.Random, effect: float) -> bool:
    return rng.random() < bounded(CHANCE[generator] + effect / 2)


def scale(generator: str, rng: random.Random, effect: float) -> object:
    if rng.random() < 0.05:
        return "unable"
    return 100 if says_yes(generator, rng, effect) else 0


PLANTED: dict[str, tuple[str, Callable[[str, random.Random, float], Any], str, float, int]] = {
    "scale": ("scale", scale, "mean", 100, 0),
    "choice": ("choice", lambda g, rng, e: "real" if says_yes(g, rng, e) else "made", "share:real", 1, 0),
    "reasons": ("reasons", lambda g, rng, e: ["hands"] if says_yes(g, rng, e) else [], "share:hands", 1, 0),
    "claim": ("claim", lambda g, rng, e: "yes" if says_yes(g, rng, e) else "no", "holds", 1, 3),
    "words": (
        "words",
        lambda g, rng, e: [at for at in range(4) if says_yes(g, rng, e)],
        "marked",
        1,
        0,
    ),
    "points": ("points", lambda g, rng, e: [0.5, 0.5] if says_yes(g, rng, e) else [], "points", 1, 0),
}
PROMPTS = {f"p{at}": "one two three four" for at in range(20)}


@pytest.mark.parametrize("name", PLANTED)
def test_what_was_planted_is_recovered_within_the_interval(name: str) -> None:
    """Over 12 simulated studies the 95 % intervals hold the planted value at least 9 times in 10."""
    kind, answer, measure, unit, claims = PLANTED[name]
    rng = random.Random(len(name))
    held, n = 0, 0
    for _ in range(12):
        found = analyse_answers(simulated(kind, answer, rng, claims), prompts=PROMPTS)
        for generator in GENERATORS:
            own = found.of("q", generator, measure).mean.interval
            assert own is not None
            held += own.low <= CHANCE[generator] * unit <= own.high
            n += 1
    assert held / n >= 0.9, held / n


def test_a_scale_is_what_scores_are() -> None:
    answers = simulated("scale", scale, random.Random(1))
    found = analyse_answers(answers, scales={"q": (0, 100)})
    scores = pd.DataFrame(
        {
            "rater_id": answers["rater_id"],
            "prompt_id": answers["prompt_id"],
            "category": answers["category"],
            "generator": [shown[0] for shown in answers["shown"]],
            "question": "q",
            "score": [None if value == "unable" else value for value in answers["value"]],
        }
    )
    theirs = analyse_scores(scores, levels=(0, 100))
    for each in theirs.estimates:
        own = found.of("q", each.generator, "mean", each.category)
        assert own.mean.estimate == pytest.approx(each.mean.estimate) and own.n_left_out == each.n_unable > 0
        for method, interval in each.mean.intervals.items():
            mine = own.mean.intervals[method]
            assert isinstance(interval, Interval) == isinstance(mine, Interval)
            if isinstance(interval, Interval) and isinstance(mine, Interval):
                assert (mine.low, mine.high) == pytest.approx((interval.low, interval.high))
    assert found.agreement["q"].value == pytest.approx(theirs.agreement["q"].value)


def test_unsure_answers_are_shared_out_and_left_out_of_what_holds() -> None:
    rows = [
        cells("r1", "p1", f"q:{at}", "claim", '["cube"]', value)
        for at, value in enumerate(("yes", "no", "unsure", "yes"))
    ]
    rows.append(cells("r2", "p1", "q:0", "claim", '["cube"]', "unsure"))
    found = analyse_answers(validate_answers(pd.DataFrame(rows)))
    holds, unsure = found.of("q", "cube", "holds"), found.of("q", "cube", "unsure")
    assert holds.mean.estimate == pytest.approx(2 / 3) and (holds.n_answers, holds.n_left_out) == (1, 1)
    assert unsure.mean.estimate == pytest.approx((1 / 4 + 1) / 2)


def test_marked_words_are_counted_by_prompt_and_generator() -> None:
    rows = [
        cells("r1", "p1", "q", "words", '["cube"]', "[1]"),
        cells("r2", "p1", "q", "words", '["cube"]', "[1, 3]"),
        cells("r1", "p1", "q", "words", '["sphere"]', "[]"),
    ]
    answers = validate_answers(pd.DataFrame(rows))
    found = analyse_answers(answers, prompts={"p1": "a red cube here"})
    assert [(each.word, each.n_marked, each.n_answers) for each in found.words] == [("red", 2, 2), ("here", 1, 2)]
    assert found.of("q", "cube", "marked").mean.estimate == pytest.approx(3 / 8)
    with pytest.raises(RatingsError, match="text of the prompt p1 is not given"):
        analyse_answers(answers)
    with pytest.raises(RatingsError, match="marks word 3 of the prompt p1, which has the words 0 to 1"):
        analyse_answers(answers, prompts={"p1": "a red"})


def test_both_bad_is_indifferent_in_rates_and_its_share_is_kept() -> None:
    pair = '["cube", "sphere"]'
    rows = [
        cells(f"r{at}", f"p{at % 3}", "q", "choice", pair, value)
        for at, value in enumerate(("left", "both_bad", "indifferent", "right", "left", "both_bad"))
    ]
    answers = validate_answers(pd.DataFrame(rows))
    assert analyse_answers(answers).both_bad == {"q": pytest.approx(1 / 3)}
    rate = analyse(validate_ratings(preferences(answers))).comparisons[0].overall
    assert rate.counts == (2, 3, 1)


def test_repeats_count_once() -> None:
    rows = [cells(value="5", repetition=0), cells(value="1", repetition=1), cells("r2", value="3", repetition=0)]
    found = analyse_answers(validate_answers(pd.DataFrame(rows)))
    assert found.of("q", "cube", "mean").mean.estimate == 4
    with pytest.raises(KeyError):
        found.of("q", "cube", "median")
