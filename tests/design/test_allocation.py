"""Designs of every shape: who sees which trials, in which places, in which order; balanced by construction."""

import math
from collections import Counter
from collections.abc import Iterable
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.design import DesignError, PanelPlan, PanelShape, plan_panel, rng_for
from evaluation.design.batches import balanced_batches
from evaluation.design.combinations import balanced_combinations, every_combination
from evaluation.design.places import balanced_places
from evaluation.design.sessions import session_places

seeds = st.integers(0, 2**63 - 1)


def spread(counts: Iterable[int]) -> int:
    values = list(counts)
    return max(values) - min(values) if values else 0


@given(st.integers(2, 12), st.integers(1, 30), seeds)
@settings(max_examples=60, deadline=None)
def test_pairs_meet_equally_often_and_each_generator_stands_alike(n: int, prompts: int, seed: int) -> None:
    chosen = balanced_combinations(n, 2, prompts, rng_for(seed))
    for pairs in chosen:
        stands = Counter(each for pair in pairs for each in pair)
        assert set(stands) == set(range(n)) and set(stands.values()) == {1 if n % 2 == 0 or n == 2 else 2}
        assert len(set(pairs)) == len(pairs)
    met = Counter(pair for pairs in chosen for pair in pairs)
    assert spread(met[pair] for pair in combinations(range(n), 2)) <= 1


@given(st.integers(3, 12), st.integers(3, 6), st.integers(1, 20), seeds)
@settings(max_examples=60, deadline=None)
def test_larger_combinations_have_every_generator_alike(n: int, size: int, prompts: int, seed: int) -> None:
    if size > n:
        with pytest.raises(DesignError, match=f"needs as many; there are {n}"):
            balanced_combinations(n, size, prompts, rng_for(seed))
        return
    for trials in balanced_combinations(n, size, prompts, rng_for(seed)):
        assert all(len(set(trial)) == size for trial in trials)
        assert len(trials) == n // math.gcd(n, size), "as few as that takes"
        stands = Counter(each for trial in trials for each in trial)
        assert set(stands) == set(range(n)) and spread(stands.values()) == 0


@pytest.mark.parametrize(("n", "size"), [(5, 3), (8, 4), (9, 4), (12, 4), (20, 4), (7, 6)])
def test_larger_combinations_meet_about_equally_often(n: int, size: int) -> None:
    chosen = balanced_combinations(n, size, 60, rng_for(n))
    met = Counter(pair for trials in chosen for trial in trials for pair in combinations(trial, 2))
    counts = [met[pair] for pair in combinations(range(n), 2)]
    assert spread(counts) <= 3, counts


@given(st.integers(2, 6), st.integers(1, 4), st.integers(1, 15), st.integers(1, 12), seeds)
@settings(max_examples=80, deadline=None)
def test_batches_are_alike_in_size_and_prompts(n: int, size: int, prompts: int, most: int, seed: int) -> None:
    shown = [every_combination(n, min(size, n)) for _ in range(prompts)]
    batches = balanced_batches(shown, most, rng_for(seed))
    total = sum(len(each) for each in shown)
    assert sorted(trial for batch in batches for trial in batch) == list(range(total))
    assert len(batches) == -(-total // most)
    assert spread(len(batch) for batch in batches) <= 1 and max(map(len, batches)) <= most
    each = len(shown[0])
    for prompt in range(prompts):
        assert spread(sum(trial // each == prompt for trial in batch) for batch in batches) <= 1


@pytest.mark.parametrize(("n", "size", "most"), [(6, 1, 30), (4, 1, 40), (6, 2, 40), (20, 2, 40), (12, 4, 30)])
def test_generators_stand_about_equally_often_in_a_batch(n: int, size: int, most: int) -> None:
    shown = balanced_combinations(n, size, 40, rng_for(3))
    flat = [trial for trials in shown for trial in trials]
    for batch in balanced_batches(shown, most, rng_for(4)):
        stands = Counter(each for trial in batch for each in flat[trial])
        assert spread(stands[each] for each in range(n)) <= 4, stands


@given(st.integers(1, 9), st.integers(2, 7), st.integers(1, 5), st.integers(1, 25), seeds)
@settings(max_examples=80, deadline=None)
def test_places_are_balanced_within_rater_and_within_trial(raters: int, n: int, size: int, m: int, seed: int) -> None:
    rng = rng_for(seed)
    size = min(size, n)
    trials = [tuple(sorted(rng.sample(range(n), size))) for _ in range(m)]
    rows = balanced_places(raters, trials, rng)
    assert len(rows) == raters
    for row in rows:
        assert [tuple(sorted(order)) for order in row] == trials
        for member in range(n):
            assert spread(sum(order[place] == member for order in row) for place in range(size)) <= 1
    for trial, column in zip(trials, zip(*rows, strict=True), strict=True):
        for member in trial:
            assert spread(sum(order[place] == member for order in column) for place in range(size)) <= 1


def test_places_are_drawn_not_made_once() -> None:
    trials = every_combination(6, 2) * 2
    rows = {tuple(row) for row in balanced_places(20, trials, rng_for(1))}
    assert len(rows) == 20


@given(st.integers(5, 40), st.integers(0, 8), st.integers(1, 12), st.integers(0, 6), st.booleans(), seeds)
@settings(max_examples=100, deadline=None)
def test_repeats_are_apart_and_controls_have_their_places(
    n: int, repeats: int, apart: int, controls: int, first: bool, seed: int
) -> None:
    def drawn() -> list[object]:
        return list(
            session_places(
                range(n), repeats=repeats, apart=apart, controls=controls, controls_first=first, rng=rng_for(seed)
            )
        )

    if repeats and (repeats > n or apart + repeats - 1 > n):
        with pytest.raises(DesignError, match="places apart need"):
            drawn()
        return
    places = session_places(
        range(n), repeats=repeats, apart=apart, controls=controls, controls_first=first, rng=rng_for(seed)
    )
    assert drawn() == places, "the same by the same seed"
    assert len(places) == n + repeats + controls
    assert [place.trial for place in places if place.trial is not None and not place.repetition] == list(range(n))
    again = [place.trial for place in places if place.repetition]
    assert len(set(again)) == len(again) == repeats
    where = {(place.trial, place.repetition): at for at, place in enumerate(places)}
    assert all(where[trial, 1] - where[trial, 0] >= apart for trial in again)
    ours = [at for at, place in enumerate(places) if place.trial is None]
    assert len(ours) == controls and (not first or ours == list(range(controls)))
    if not first and controls > 1 and n >= 2 * controls:
        assert max(after - before for before, after in pairwise(ours)) <= 2 * (len(places) / controls) + 1


SHAPES = {
    "drawbench": PanelShape(n_prompts=9, n_generators=2, raters=5),
    "whole pairs of three": PanelShape(n_prompts=4, n_generators=3, raters=4),
    "photograph beside": PanelShape(n_prompts=30, n_generators=1, raters=4, reference="beside", batch=10, controls=3),
    "photograph apart": PanelShape(n_prompts=20, n_generators=3, raters=3, sets=1, reference="apart", batch=25),
    "single": PanelShape(n_prompts=12, n_generators=5, raters=3, sets=1, batch=20, repeats=3, apart=6),
    "pairs": PanelShape(n_prompts=20, n_generators=6, raters=5, balanced=True, batch=20, repeats=2, apart=5),
    "four of seven": PanelShape(n_prompts=20, n_generators=7, raters=6, sets=4, balanced=True, batch=30),
    "qualified": PanelShape(n_prompts=6, n_generators=4, raters=2, sets=1, controls=3, controls_first=True),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_plan_is_whole_and_balanced(name: str, seed: int) -> None:
    shape = SHAPES[name]
    plan = plan_panel(shape, seed=seed, panel="all")
    assert plan == plan_panel(shape, seed=seed, panel="all")
    assert plan.sessions != plan_panel(shape, seed=seed + 5, panel="all").sessions
    assert len(plan.sessions) == len(plan.batches) * shape.raters
    seen = Counter(showing.trial for session in plan.sessions for showing in session if not showing.repetition)
    assert all(seen[trial] == shape.raters for trial in range(len(plan.trials)))
    for slot, session in enumerate(plan.sessions):
        first = [showing for showing in session if showing.trial is not None and not showing.repetition]
        assert sorted(each.trial for each in first if each.trial is not None) == list(
            plan.batches[slot % len(plan.batches)]
        )
        assert len(first) <= (shape.batch or len(plan.trials))
        assert sum(showing.trial is None for showing in session) == shape.controls
        by_trial = {each.trial: each.order for each in first}
        for showing in session:
            if showing.repetition:
                assert showing.order == by_trial[showing.trial][::-1], "turned round"
    check_places(plan, shape)


def check_places(plan: PanelPlan, shape: PanelShape) -> None:
    columns: dict[int, list[tuple[int, ...]]] = {}
    for session in plan.sessions:
        orders = [each for each in session if each.trial is not None and not each.repetition]
        for each in orders:
            assert each.trial is not None
            columns.setdefault(each.trial, []).append(each.order)
        groups: dict[tuple[int, ...], list[tuple[int, ...]]] = {(): [each.order for each in orders]}
        if shape.whole_pairs:
            groups = {}
            for each in orders:
                groups.setdefault(tuple(sorted(each.order)), []).append(each.order)
        for shown in groups.values():
            for member in {one for order in shown for one in order}:
                assert spread(sum(order[place] == member for order in shown) for place in range(shape.sets)) <= 1
    for trial, shown in columns.items():
        for member in plan.trials[trial].generators:
            assert spread(sum(order[place] == member for order in shown) for place in range(shape.sets)) <= 1


def test_whole_pairs_are_drawn_as_ever() -> None:
    """Golden: a study that is opened again from its seed next year must show what it showed."""
    plan = plan_panel(PanelShape(n_prompts=4, n_generators=3, raters=5), seed=7, panel="Colors")
    first = [(each.trial, each.order == tuple(sorted(each.order))) for each in plan.sessions[0]]
    assert first == [
        (6, False), (5, False), (4, True), (2, False), (9, False), (10, True),
        (11, False), (7, True), (8, True), (3, False), (1, True), (0, True),
    ]  # fmt: skip


def test_what_cannot_be_had_is_said() -> None:
    with pytest.raises(DesignError, match="shows 4 generators needs as many; there are 3"):
        plan_panel(PanelShape(n_prompts=4, n_generators=3, raters=5, sets=4), seed=7, panel="")
    with pytest.raises(DesignError, match="need 7 trials; a rater has 4"):
        plan_panel(PanelShape(n_prompts=4, n_generators=2, raters=5, repeats=3, apart=5), seed=7, panel="")
