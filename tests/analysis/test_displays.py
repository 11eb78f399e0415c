"""Displays: what they were, and a difference that only large images show."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import analyse, displays, read_ratings, validate_ratings
from evaluation.analysis.answers import validate_answers
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.displays import SMALL, Displays, displays_of_answers
from evaluation.analysis.results import rounded
from evaluation.reports.ratings_file import ratings_csv, ratings_parquet
from evaluation.reports.wording.displays import displays_text

NAMES = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]


def crowd(n_raters: int = 12, n_prompts: int = 20) -> pd.DataFrame:
    """Raters with an even number have phones, on which nobody sees a difference; elsewhere `x` wins three of four."""
    rows, wide = [], []
    for r, p in itertools.product(range(n_raters), range(n_prompts)):
        phone = r % 2 == 0
        choice = ("a", "b")[(r // 2 + p) % 2] if phone else ("a", "a", "b", "a")[(r + p) % 4]
        rows.append((f"r{r:02}", f"p{p:02}", "all", "x", "y", "fidelity", choice))
        wide.append((88, 264, "dark") if phone else (320, 320, "light"))
    seen = pd.DataFrame(wide, columns=["shown_width", "shown_device_width", "theme"])
    return pd.concat([pd.DataFrame(rows, columns=NAMES), seen], axis=1)


def test_an_effect_that_small_displays_hide_is_there_without_them() -> None:
    shown = displays(validate_ratings(crowd()))
    assert shown is not None and shown.small == SMALL
    assert (shown.n_answers, shown.n_known, shown.n_raters) == (240, 240, 12)
    assert (shown.n_small, shown.n_small_raters) == (120, 6)
    assert shown.themes == {"light": 120, "dark": 120}
    assert shown.widths is not None and (shown.widths.min, shown.widths.median, shown.widths.max) == (88, 204, 320)
    assert shown.device_widths is not None and shown.device_widths.min == 264
    (only,) = shown.without_small
    assert only.net == pytest.approx(0.25) and only.net_without == pytest.approx(0.5)  # (0 + .5) / 2, and .5
    assert (only.n, only.n_without) == (240, 120)
    large = crowd()[crowd()["theme"] == "light"]
    alone = analyse(large).comparisons[0].overall.net
    assert only.net_without == alone.estimate and only.interval_without is not None and alone.interval is not None
    assert (only.interval_without.low, only.interval_without.high) == (alone.interval.low, alone.interval.high)
    text = displays_text(shown)
    assert "Under 160 CSS pixels (small): 120 answers, by 6 of 12 raters." in text
    assert "net share +25.0; without small displays +50.0" in text


def test_what_is_small_is_said_by_whoever_asks() -> None:
    valid = validate_ratings(crowd())
    every, none = displays(valid, small=321), displays(valid, small=88)
    assert every is not None and every.without_small[0].net_without is None and every.n_small == 240
    assert "no answer is left" in displays_text(every)
    assert none is not None and none.n_small == 0 and none.without_small == ()


def test_unknown_displays_are_not_small_and_none_at_all_are_no_part() -> None:
    frame = crowd()
    frame.loc[frame["shown_width"] == 88, ["shown_width", "theme"]] = [np.nan, ""]
    shown = displays(validate_ratings(frame))
    assert shown is not None and (shown.n_known, shown.n_answers, shown.n_small) == (120, 240, 0)
    assert "known of 120 of 240 answers" in displays_text(shown)
    assert displays(validate_ratings(crowd()[NAMES])) is None
    assert displays(validate_ratings(frame.assign(shown_width=np.nan, shown_device_width=np.nan, theme=""))) is None


def test_control_trials_count_on_no_display() -> None:
    shown = displays(validate_ratings(crowd().assign(control=lambda each: each["shown_width"] == 88)))
    assert shown is not None and shown.n_answers == 120 and shown.n_small == 0


def test_results_are_read_back_as_they_were_made() -> None:
    made = rounded(displays(validate_ratings(crowd())))
    assert made is not None
    assert Displays.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_ratings_file_keeps_them(tmp_path: Path, suffix: str) -> None:
    frame = crowd().astype({"shown_width": "Int64", "shown_device_width": "Int64"})
    frame.loc[0, ["shown_width", "theme"]] = [pd.NA, ""]
    path = tmp_path / f"ratings.{suffix}"
    path.write_bytes(ratings_csv(frame) if suffix == "csv" else ratings_parquet(frame))
    read = read_ratings(path)
    assert read.attrs["notes"] == ()
    assert displays(read) == displays(validate_ratings(frame))


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("shown_width", "0", "'0' is not a number, 1 or more"),
        ("shown_device_width", "wide", "'wide' is not a number"),
        ("theme", "darc", "'darc' is no theme; did you mean \"dark\"?"),
    ],
)
def test_a_wrong_cell_is_named(column: str, value: str, said: str) -> None:
    frame = crowd().astype(object)
    frame.loc[3, column] = value
    with pytest.raises(RatingsError, match=f"row 4, column {column}") as error:
        validate_ratings(frame)
    assert said in str(error.value)


def test_answers_of_other_kinds_have_displays_too() -> None:
    rows = [
        {"rater_id": f"r{at}", "prompt_id": "p", "category": "all", "question": "q", "kind": "scale", "shown": '["x"]',
         "value": "3", "shown_width": str(100 * at), "theme": "grey"}
        for at in (1, 2)
    ]  # fmt: skip
    shown = displays_of_answers(validate_answers(pd.DataFrame(rows)))
    assert shown is not None and (shown.n_small, shown.n_small_raters, shown.themes) == (1, 1, {"grey": 2})
    with pytest.raises(RatingsError, match="column theme"):
        validate_answers(pd.DataFrame([rows[0] | {"theme": "blue"}]))
