"""Summaries of scores: the interval of the mean by hand, and where it is cut."""

import pandas as pd
import pytest

from evaluation.reports.score_summary import summarise


def scores(values: list[float]) -> pd.DataFrame:
    """One image a prompt."""
    return pd.DataFrame(
        {"prompt_id": [f"{n:05d}" for n in range(len(values))], "category": "Counting", "value": values}
    )


def test_three_prompts_by_hand() -> None:
    """Mean 1/3, standard error sqrt((1/9 + 1/9 + 4/9) * 3/2) / 3 = 1/3, t of 2 degrees of freedom 4.302653."""
    found = summarise(scores([0.0, 0.0, 1.0]))["overall"]
    assert found["mean"] == pytest.approx(1 / 3)
    assert found["low"] == pytest.approx(1 / 3 - 4.302653 / 3, abs=1e-6)
    assert found["high"] == pytest.approx(1 / 3 + 4.302653 / 3, abs=1e-6)


def test_a_mean_share_lies_between_none_and_all() -> None:
    summary = summarise(scores([0.0, 0.0, 1.0]), (0.0, 1.0))
    for found in (summary["overall"], summary["categories"]["Counting"]):
        assert (found["low"], found["high"]) == (0.0, 1.0)
    above_zero = summarise(scores([0.0, 0.0, 1.0]), (0.0, None))["overall"]
    assert above_zero["low"] == 0.0 and above_zero["high"] == pytest.approx(1 / 3 + 4.302653 / 3, abs=1e-6)
