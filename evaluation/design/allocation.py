"""The design of a panel of any protocol: its trials, who sees which of them, in which places and in which order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from evaluation.design.batches import balanced_batches
from evaluation.design.combinations import Combination, balanced_combinations, every_combination
from evaluation.design.counterbalance import balanced_orders, balanced_sides
from evaluation.design.places import balanced_places
from evaluation.design.seeds import rng_for
from evaluation.design.sessions import Place, session_places


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelShape:
    """What a panel's design is made for; docs/protocols.md says what each part means.

    `reference`: how the reference photograph takes part in trials, as generator number `n_generators`. `raters`: people
    who see each trial. `batch`: trials of one of them, at most; None: all.
    """

    n_prompts: int
    n_generators: int
    raters: int
    sets: int = 2
    reference: Literal["none", "beside", "apart"] = "none"
    balanced: bool = False
    batch: int | None = None
    repeats: int = 0
    apart: int = 1
    controls: int = 0
    controls_first: bool = False

    @property
    def whole_pairs(self) -> bool:
        """Whether every rater sees every pair of generators on every prompt, as in DrawBench."""
        return self.sets == 2 and self.reference == "none" and not self.balanced and self.batch is None

    @property
    def trials_a_prompt(self) -> int:
        """How many combinations of generators a prompt is shown with; 0 where there are too few generators."""
        n = self.n_generators + (self.reference == "apart")
        size = self.sets - (self.reference == "beside")
        return n // math.gcd(n, size) if self.balanced and 1 < size < n else math.comb(n, size)


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A prompt, by its place in the panel, and the generators that it is shown with, rising."""

    prompt: int
    generators: Combination


@dataclass(frozen=True, slots=True)
class Showing:
    """A place of a session as shown. `trial`: its number, None for a control trial. `order`: generators from the left.

    `repetition`: 1 where the rater sees the trial again.
    """

    trial: int | None
    order: tuple[int, ...] = ()
    repetition: int = 0


@dataclass(frozen=True, slots=True)
class PanelPlan:
    """The design of a panel. `batches`: trials of each. `sessions`: what each rater sees; rater `slot` has the batch
    `slot % len(batches)`, so that batches fill evenly as raters come.
    """

    trials: tuple[PlannedTrial, ...]
    batches: tuple[tuple[int, ...], ...]
    sessions: tuple[tuple[Showing, ...], ...]


def plan_panel(shape: PanelShape, *, seed: int, panel: str) -> PanelPlan:
    """The design of a panel: the same arguments give the same design, so a place given again shows the same trials.

    Args:
        seed: the study's design seed.
        panel: the panel's name; each panel has a design of its own.

    Raises:
        DesignError: too few generators for a trial, or too few trials for the repeats.
    """
    prompts = _combinations(shape, seed, panel)
    trials = [PlannedTrial(prompt, each) for prompt, combinations in enumerate(prompts) for each in combinations]
    if shape.whole_pairs:  # pair by pair, as studies have always had them
        trials.sort(key=lambda trial: (trial.generators, trial.prompt))
        batches = [list(range(len(trials)))]
    elif shape.batch is None:
        batches = [list(range(len(trials)))]
    else:
        batches = balanced_batches(prompts, shape.batch, rng_for(seed, "batches", panel))
    sessions: list[tuple[Showing, ...]] = [()] * (len(batches) * shape.raters)
    for number, batch in enumerate(batches):
        name = (panel,) if shape.batch is None else (panel, number)
        orders = balanced_orders(shape.raters, len(batch), rng_for(seed, "order", *name))
        rows = _places(shape, [trials[trial].generators for trial in batch], seed, name)
        for rater, (order, row) in enumerate(zip(orders, rows, strict=True)):
            places = session_places(
                order,
                repeats=shape.repeats,
                apart=shape.apart,
                controls=shape.controls,
                controls_first=shape.controls_first,
                rng=rng_for(seed, "session", *name, rater),
            )
            sessions[rater * len(batches) + number] = tuple(_showing(place, batch, row) for place in places)
    return PanelPlan(tuple(trials), tuple(tuple(batch) for batch in batches), tuple(sessions))


def _combinations(shape: PanelShape, seed: int, panel: str) -> list[list[Combination]]:
    """Of each prompt; the photograph, where it takes part, is the generator with the highest number."""
    n, size, beside = shape.n_generators, shape.sets, shape.reference == "beside"
    if shape.reference == "apart":
        n += 1
    if beside:
        size -= 1
    if shape.balanced:
        prompts = balanced_combinations(n, size, shape.n_prompts, rng_for(seed, "combinations", panel))
    else:
        prompts = [every_combination(n, size) for _ in range(shape.n_prompts)]
    return [[(*each, shape.n_generators) for each in row] if beside else row for row in prompts]


def _places(
    shape: PanelShape, trials: list[Combination], seed: int, name: tuple[str | int, ...]
) -> list[list[tuple[int, ...]]]:
    rng = rng_for(seed, "sides", *name)
    if not shape.whole_pairs:
        return balanced_places(shape.raters, trials, rng)
    blocks = [trials.count(pair) for pair in dict.fromkeys(trials)]
    table = balanced_sides(shape.raters, blocks, rng)
    return [[pair if left else pair[::-1] for pair, left in zip(trials, row, strict=True)] for row in table]


def _showing(place: Place, batch: list[int], row: list[tuple[int, ...]]) -> Showing:
    """A repeat shows its sets turned round."""
    if place.trial is None:
        return Showing(None)
    order = row[place.trial]
    return Showing(batch[place.trial], order[::-1] if place.repetition else order, place.repetition)
