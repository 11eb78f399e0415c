"""How much is style: the parts add up, a planted share is recovered, and what cannot be told is said."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import analyse, validate_ratings
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.estimates import Interval
from evaluation.analysis.style import ONE_PAIR, read_styles, style_parts

NAMES = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]


def world(
    seed: int, *, slope: float, rest: float, ahead: float = 0.8, models: str = "xy", raters: int = 10, prompts: int = 30
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Votes whose chance for A is (1 + d) / 2 with d = rest (by letters apart) + slope x (in units), raters leaning."""
    rng = np.random.default_rng(seed)
    bright = {(p, m): ahead * -models.index(m) + rng.normal() for p, m in itertools.product(range(prompts), models)}
    lean = rng.normal(0, 0.08, raters)
    rows = []
    for (a, b), p, r in itertools.product(itertools.combinations(models, 2), range(prompts), range(raters)):
        d = rest * (models.index(b) - models.index(a)) + slope * (bright[p, a] - bright[p, b]) + lean[r]
        rows.append((f"r{r}", f"p{p}", "c", a, b, "q", "a" if rng.random() < (1 + np.clip(d, -1, 1)) / 2 else "b"))
    styles = pd.DataFrame(
        [(f"p{p}", m, value, 1.5) for (p, m), value in bright.items()],
        columns=["prompt_id", "generator", "brightness", "aspect"],
    )
    return validate_ratings(pd.DataFrame(rows, columns=NAMES)), styles


def test_parts_add_up_to_the_net_share_of_the_analysis() -> None:
    frame, styles = world(1, slope=0.1, rest=0.1, models="xyz")
    (found,) = style_parts(frame, styles)
    assert found.why is None and [each.name for each in found.effects] == ["brightness"]
    assert any("aspect" in note for note in found.notes), "what never differs is said"
    nets = {(each.generator_a, each.generator_b): each.overall.net for each in analyse(frame).comparisons}
    for pair in found.pairs:
        net = nets[pair.generator_a, pair.generator_b]
        assert pair.net.estimate == pytest.approx(net.estimate)
        two_way = net.intervals["two_way"]
        assert isinstance(two_way, Interval) and pair.net.se == pytest.approx(two_way.se)
        assert pair.style.estimate + pair.rest.estimate == pytest.approx(pair.net.estimate)
        assert sum(each.estimate for each in pair.by_style.values()) == pytest.approx(pair.style.estimate)
    assert found.to_dict()["pairs"][0]["style"]["low"] is not None


def test_the_slope_is_that_of_a_regression_with_a_constant_for_each_pair() -> None:
    sm = pytest.importorskip("statsmodels.api")
    frame, styles = world(2, slope=0.1, rest=0.0, models="xyz")
    (found,) = style_parts(frame, styles)
    value = {(p, g): v for p, g, v, _ in styles.itertuples(index=False)}
    y = frame["choice"].astype(str).map({"a": 1, "indifferent": 0, "b": -1}).to_numpy()
    x = np.array(
        [
            value[p, a] - value[p, b]
            for p, a, b in frame[["prompt_id", "generator_a", "generator_b"]].itertuples(index=False)
        ]
    )
    pairs = pd.get_dummies(frame["generator_a"].astype(str) + frame["generator_b"].astype(str)).to_numpy(float)
    fitted = sm.OLS(y, np.column_stack([x / np.sqrt((x**2).mean()), pairs])).fit()
    assert found.effects[0].slope.estimate == pytest.approx(fitted.params[0]) and found.effects[
        0
    ].unit == pytest.approx(np.sqrt((x**2).mean()))


@pytest.mark.parametrize("models", ["xy", "xyz"])
def test_a_planted_share_is_recovered_at_its_coverage(models: str) -> None:
    """Of the pair x, y: style adds .1 a unit, and x is .8 units ahead on average; the rest is .15."""
    slope, rest, ahead, runs = 0.1, 0.15, 0.8, 80
    covered = np.zeros(3)
    styles_found = []
    for seed in range(runs):
        frame, styles = world(100 + seed, slope=slope, rest=rest, ahead=ahead, models=models)
        pair = style_parts(frame, styles)[0].pairs[0]
        truth = {"style": slope * ahead, "rest": rest, "net": slope * ahead + rest}
        styles_found.append(pair.style.estimate)
        for at, (name, value) in enumerate(truth.items()):
            part = getattr(pair, name)
            covered[at] += part.low <= value <= part.high
    assert np.mean(styles_found) == pytest.approx(slope * ahead, abs=0.015)
    assert (covered / runs >= 0.90).all() and (covered / runs <= 1.0).all(), covered / runs


def test_what_cannot_be_told_is_said() -> None:
    frame, styles = world(3, slope=0.1, rest=0.1)
    assert ONE_PAIR in style_parts(frame, styles)[0].notes
    steady = styles.assign(brightness=styles["generator"].map({"x": 1.0, "y": 0.0}))
    assert "within pairs" in (style_parts(frame, steady)[0].why or "")
    twice = styles.assign(light=styles["brightness"] * 2)
    assert "not apart from each other" in (style_parts(frame, twice)[0].why or "")
    some = styles[styles["prompt_id"] != "p0"]
    assert style_parts(frame, some)[0].n_left_out == 10
    with pytest.raises(RatingsError, match="no style light"):
        style_parts(frame, styles, names=["light"])


def test_styles_are_read_and_faults_named(tmp_path: Path) -> None:
    path = tmp_path / "styles.csv"
    path.write_text("prompt_id;generator;brightness;text\np0;x;0,5;yes\np0;y;0,25;no\n")
    frame = read_styles(path)
    assert list(frame["brightness"]) == [0.5, 0.25] and list(frame["text"]) == [1.0, 0.0]
    for content, said in (
        ("prompt_id,brightness\np,1\n", "must have the columns"),
        ("prompt_id,generator,brightness\np,x,much\n", "line 2, column brightness: 'much' is no number"),
        ("prompt_id,generator,brightness\np,x,1\np,x,2\n", "line 3: this image stands twice"),
    ):
        path.write_text(content)
        with pytest.raises(RatingsError, match=said):
            read_styles(path)
