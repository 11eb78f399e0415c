"""Sides, orders, samples and places: balanced always, different by seed, the same by the same seed."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.design import (
    PanelShape,
    balanced_orders,
    balanced_sides,
    choose_samples,
    derived_seed,
    next_place,
    plan_panel,
    rng_for,
)

raters = st.integers(0, 30)
blocks = st.lists(st.integers(0, 24), min_size=0, max_size=4)
seeds = st.integers(0, 2**63 - 1)


@given(raters, blocks, seeds)
@settings(max_examples=60, deadline=None)
def test_sides_are_balanced_within_rater_within_pair_and_within_trial(n: int, widths: list[int], seed: int) -> None:
    table = balanced_sides(n, widths, rng_for(seed))
    assert len(table) == n and all(len(row) == sum(widths) for row in table)
    for row in table:
        assert abs(2 * sum(row) - len(row)) <= 1
        start = 0
        for width in widths:
            assert abs(2 * sum(row[start : start + width]) - width) <= 1
            start += width
    for column in zip(*table, strict=True):
        assert abs(2 * sum(column) - n) <= 1


@given(raters, st.integers(0, 24), seeds)
@settings(max_examples=60, deadline=None)
def test_orders_are_permutations_balanced_over_positions(n: int, trials: int, seed: int) -> None:
    orders = balanced_orders(n, trials, rng_for(seed))
    assert len(orders) == n and all(sorted(order) == list(range(trials)) for order in orders)
    for column in zip(*orders, strict=True):
        counts = Counter(dict.fromkeys(range(trials), 0) | Counter(column))
        assert max(counts.values()) - min(counts.values()) <= 1
    if trials >= n:
        assert len({tuple(order) for order in orders}) == n


@given(st.integers(1, 12).map(lambda half: 2 * half), seeds)
@settings(max_examples=20, deadline=None)
def test_each_trial_follows_each_other_once_in_a_whole_square(trials: int, seed: int) -> None:
    orders = balanced_orders(trials, trials, rng_for(seed))
    follows = Counter(pair for order in orders for pair in pairwise(order))
    assert len(follows) == trials * (trials - 1) and set(follows.values()) <= {1}


def test_sides_reach_more_than_the_checkerboard() -> None:
    """A checkerboard has only two kinds of row; the trades must leave none of that."""
    rows = {tuple(row) for row in balanced_sides(25, [22], rng_for(1))}
    assert len(rows) == 25


def test_sides_are_uniform_enough() -> None:
    """Over seeds, each cell is left half of the time (5 standard deviations of 400 coin flips)."""
    total = [[0] * 5 for _ in range(4)]
    for seed in range(400):
        for row, counts in zip(balanced_sides(4, [5], rng_for(seed)), total, strict=True):
            for at, left in enumerate(row):
                counts[at] += left
    assert all(abs(count - 200) < 5 * 10 for counts in total for count in counts)


@given(st.sets(st.integers(0, 50), min_size=1), st.data(), seeds)
def test_samples_are_chosen_once_each_and_by_seed(available: set[int], data: st.DataObject, seed: int) -> None:
    size = data.draw(st.integers(0, len(available)))
    chosen = choose_samples(sorted(available), size, rng_for(seed))
    assert len(set(chosen)) == size and set(chosen) <= available
    assert chosen == choose_samples(sorted(available, reverse=True), size, rng_for(seed))


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="set of 8 needs as many samples; there are 3"):
        choose_samples([0, 1, 2], 8, rng_for(1))


def test_seeds_depend_on_their_purpose_alone_and_never_change() -> None:
    assert derived_seed(7, "order", "Colors") != derived_seed(7, "order", "Color")
    assert derived_seed(7, "a", "b") != derived_seed(7, "ab")
    # golden: a place that is given again next year must show what it showed
    assert derived_seed(7, "order", "Colors") == 2740811656307957281
    plan = plan_panel(PanelShape(n_prompts=4, n_generators=2, raters=3), seed=7, panel="Colors")
    assert [(each.trial, each.order) for each in plan.sessions[0]] == [
        (0, (0, 1)), (2, (1, 0)), (1, (0, 1)), (3, (1, 0)),
    ]  # fmt: skip


def test_panels_have_designs_of_their_own() -> None:
    shape = PanelShape(n_prompts=22, n_generators=2, raters=25)
    first = plan_panel(shape, seed=7, panel="Colors")
    assert first == plan_panel(shape, seed=7, panel="Colors")
    assert first.sessions != plan_panel(shape, seed=7, panel="Counting").sessions
    assert first.sessions != plan_panel(shape, seed=8, panel="Colors").sessions


def test_the_emptiest_panel_is_next_and_a_free_place_is_given_again() -> None:
    places = {"Colors": 2, "Counting": 3}
    assert next_place(places, {}) == ("Colors", 0)
    assert next_place(places, {"Colors": {0}}) == ("Counting", 0)
    assert next_place(places, {"Colors": {0, 1}, "Counting": {0, 2}}) == ("Counting", 1)
    assert next_place(places, {"Colors": {0, 1}, "Counting": {0, 1, 2}}) is None


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 6)), st.integers(0, 30))
def test_panels_fill_evenly(places: dict[str, int], n: int) -> None:
    taken: dict[str, set[int]] = {panel: set() for panel in places}
    for _ in range(n):
        place = next_place(places, taken)
        if place is None:
            break
        taken[place[0]].add(place[1])
    assert sum(map(len, taken.values())) == min(n, sum(places.values()))
    unfilled = [len(taken[panel]) for panel in places if len(taken[panel]) < places[panel]]
    assert not unfilled or max(map(len, taken.values())) - min(unfilled) <= 1
