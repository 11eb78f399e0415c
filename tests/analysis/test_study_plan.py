"""Plans of whole studies: against the formulas of single designs, by hand, and pilots against the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import CrowdSpec, Design, plan_study, read_pilot, simulate_ratings, validate_ratings
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.planning import cheapest, detectable, precision_table, standard_error
from evaluation.analysis.scale import NET_ENDS
from evaluation.analysis.study_plan import CROWD, StudyPlan, Work, shared

WORK = Work(raters=25, trials=300, trials_a_rater=12, questions=2, seconds=20.0, pay=12.0)


def planned(raters: int, *prompts: int, wanted: float | None = None) -> StudyPlan:
    return plan_study(raters, {str(at): [n] for at, n in enumerate(prompts)}, WORK, wanted=wanted)


def test_one_panel_is_the_crossed_design() -> None:
    plan = planned(25, 12)
    row = precision_table(CROWD, [25], [12]).iloc[0]
    assert (plan.half_width, plan.detectable, plan.floor) == pytest.approx(
        (row["half_width"], row["detectable"], row["floor"])
    )
    assert plan.detectable == detectable(standard_error(CROWD, 25, 12), df=11, ends=NET_ENDS)


def test_time_and_pay_by_hand() -> None:
    plan = planned(25, 12)
    assert (plan.ratings, plan.minutes_a_rater, plan.cost) == pytest.approx((600, 4.0, 20.0))
    assert plan.hours == pytest.approx(300 * 20 / 3600)
    assert plan_study(2, {"": [2]}, replace(WORK, pay=None)).cost is None
    bare = plan_study(25, None, WORK, wanted=0.1)
    assert (bare.half_width, bare.detectable, bare.floor, bare.wanted, bare.panels) == (None, None, None, None, ())


def test_panels_and_batches_average() -> None:
    """Four panels alike halve the width of one, but for t; a panel in two batches is as two panels."""
    one, four = planned(25, 30), planned(25, 30, 30, 30, 30)
    assert one.half_width is not None and four.half_width is not None
    assert four.half_width == pytest.approx(one.half_width / 2, rel=0.05) and four.half_width < one.half_width / 2
    batches = plan_study(25, {"": [30, 30]}, WORK)
    assert batches.half_width == planned(25, 30, 30).half_width
    assert [each.prompts for each in batches.panels] == [60]


def test_nothing_can_be_said_of_one() -> None:
    assert (planned(1, 50).half_width, planned(50, 1).detectable) == (None, None)
    mixed = planned(25, 1, 20)
    assert mixed.panels[0].half_width is None and mixed.half_width is not None


@pytest.mark.parametrize(("raters", "prompts"), [(25, (12,)), (25, (40, 20, 10)), (6, (200,))])
def test_what_a_wanted_width_takes_is_the_least(raters: int, prompts: tuple[int, ...]) -> None:
    found = planned(raters, *prompts, wanted=0.12).wanted
    assert found is not None

    def half(raters: int, counts: list[int]) -> float:
        width = planned(raters, *counts).half_width
        return 9.0 if width is None else width

    if found.raters is None:
        assert planned(10_000, *prompts).half_width > 0.12  # type: ignore[operator]
    else:
        assert half(found.raters, list(prompts)) <= 0.12 < half(found.raters - 1, list(prompts))
    if found.prompts is not None:
        assert half(raters, shared(list(prompts), found.prompts)) <= 0.12
        assert half(raters, shared(list(prompts), found.prompts - 1)) > 0.12
    assert found.sets is None, "no pilot told images apart"
    assert found.both is not None
    assert half(found.both[0], shared(list(prompts), found.both[1])) <= 0.12
    if len(prompts) == 1:
        best = cheapest(CROWD, 0.12)
        assert best is not None and best.ratings <= found.both[0] * found.both[1] <= 1.05 * best.ratings


def test_the_floor_is_said_and_no_width_below_it_is_promised() -> None:
    plan = planned(25, 12, wanted=0.1)
    assert plan.floor is not None and plan.floor > 0.1
    assert plan.wanted is not None and plan.wanted.raters is None and plan.wanted.prompts is not None


def test_prompts_are_shared_out_in_proportion() -> None:
    assert shared([40, 20, 10], 35) == [20, 10, 5]
    assert shared([1, 1, 1], 5) in ([2, 2, 1], [2, 1, 2], [1, 2, 2])
    assert all(sum(shared([7, 3, 90], n)) == n for n in range(60, 200))


def test_the_assumed_crowd_is_the_simulated_one() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    spec = CrowdSpec()
    u = spec.rater_sd * nodes[:, None] + spec.prompt_sd * nodes[None, :]
    a, b = (1 / (1 + np.exp(spec.tie - sign * u)) for sign in (1, -1))
    both = weights[:, None] * weights[None, :]
    by_rater = float(weights @ ((a - b) @ weights) ** 2)
    rest = float((both * (a + b)).sum()) - 2 * by_rater
    assert (CROWD.rater, CROWD.prompt, CROWD.rest) == pytest.approx((by_rater, by_rater, rest), abs=1e-4)


@pytest.mark.parametrize("nested", [False, True])
def test_a_pilot_finds_the_spread_and_the_time(nested: bool) -> None:
    design = Design(raters=150, prompts={"x": 40, "y": 40}, nested=nested)
    frame = simulate_ratings(design, CrowdSpec(response_sd=0.0), 0.0, np.random.default_rng(5))
    pilot = read_pilot(validate_ratings(frame))
    assert pilot.components.rater == pytest.approx(CROWD.rater, abs=0.02)
    assert pilot.components.prompt == pytest.approx(CROWD.prompt, abs=0.025)
    assert pilot.components.rest == pytest.approx(CROWD.rest, abs=0.03)
    assert pilot.seconds == pytest.approx(9.0, abs=0.01)
    assert pilot.n_simulated == pilot.n_ratings and not pilot.images
    plan = plan_study(25, {"": [40]}, WORK, pilot=pilot)
    assert plan.components == pilot.components


def test_a_pilot_with_several_image_sets_plans_sets() -> None:
    rng = np.random.default_rng(1)
    rows = []
    by_prompt = {(prompt, draw): rng.normal() for prompt in range(60) for draw in range(4)}
    for rater in range(40):
        for prompt in range(60):
            draw = int(rng.integers(4))
            choice = "a" if by_prompt[prompt, draw] + rng.normal() > 0 else "b"
            rows.append((f"r{rater}", f"p{prompt}", "all", "x", "y", "alignment", choice, draw))
    names = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice", "set"]

    pilot = read_pilot(validate_ratings(pd.DataFrame(rows, columns=names)))
    assert pilot.images and pilot.components.images > 0.1 and pilot.seconds is None
    wide = plan_study(200, {"": [60]}, WORK, wanted=0.12, pilot=pilot).wanted
    assert wide is not None and wide.sets is not None and wide.sets > 1


def test_a_pilot_of_too_few_is_refused() -> None:
    frame = simulate_ratings(Design(raters=1, prompts={"x": 9}), CrowdSpec(), 0.0, np.random.default_rng(0))
    with pytest.raises(RatingsError, match="too few to plan from"):
        read_pilot(validate_ratings(frame))


def test_bad_widths_are_refused() -> None:
    for width in (0.0, -0.1, 1.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            planned(5, 5, wanted=width)
