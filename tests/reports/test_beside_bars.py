"""Whiskers that would run into each other stand beside their bar instead: no figure has two that overlap."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.reports import figure
from evaluation.reports.compute import Settings, compute
from evaluation.reports.reading import lines
from evaluation.reports.whiskers import whiskers_collide
from tests.reports.sample import ratings


def comparison(without_indifferent: bool) -> ComparisonResult:
    frame = ratings(raters=8, prompts=8)
    if without_indifferent:
        frame.loc[frame["choice"] == "indifferent", "choice"] = "a"
    return compute(validate_ratings(frame), Settings()).comparisons[0]


def xs(line: Line2D) -> list[float]:
    return np.asarray(line.get_xdata(), float).tolist()


def ys(line: Line2D) -> list[float]:
    return np.asarray(line.get_ydata(), float).tolist()


@pytest.mark.parametrize("without_indifferent", [False, True])
@pytest.mark.parametrize("draw", [figure._wide, figure._narrow])
def test_no_two_whiskers_overlap(without_indifferent: bool, draw: object) -> None:
    one = comparison(without_indifferent)
    drawn: Figure = draw(one, figure._COLOURS["light"])  # type: ignore[operator]
    bars = drawn.axes[0]
    ends = [each for each in bars.lines if len(set(ys(each))) == 1 and len(xs(each)) == 2]
    rows = lines(one)
    assert whiskers_collide([rate for _, rate in rows]) == without_indifferent
    assert len(ends) == 2 * len(rows), "each bar has both intervals"
    whiskers = [each for each in ends if each.get_color() == "#111111"]
    assert len(whiskers) == (0 if without_indifferent else len(ends))
    for first, second in zip(whiskers[::2], whiskers[1::2], strict=True):
        assert max(xs(first)) <= min(xs(second))
    for each in (each for each in ends if each not in whiskers):
        assert each.get_color() in (figure.A_COLOUR, figure.B_COLOUR), "in the colour of its share"
        rectangles = [patch for patch in bars.patches if isinstance(patch, Rectangle)]
        assert len(rectangles) == len(bars.patches)
        assert not any(one.get_y() < ys(each)[0] < one.get_y() + one.get_height() for one in rectangles)
