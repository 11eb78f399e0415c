"""Panels: which place of which panel the next rater takes, and what each place's rater is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from evaluation.design.counterbalance import balanced_orders, balanced_sides
from evaluation.design.seeds import derived_seed, rng_for


@dataclass(frozen=True, slots=True)
class PanelDesign:
    """What the raters of a panel are shown.

    `orders[slot][position]`: the trial, from 0, in the order of the panel's comparisons. `a_left[slot][trial]`: whether
    run A stands left. `seed`: what both were drawn with, derived from the study's seed.
    """

    orders: tuple[tuple[int, ...], ...]
    a_left: tuple[tuple[bool, ...], ...]
    seed: int

    def trials(self, slot: int) -> list[tuple[int, bool]]:
        """The (trial, whether run A stands left) of a slot, in the order shown."""
        return [(trial, self.a_left[slot][trial]) for trial in self.orders[slot]]


def design_panel(*, seed: int, panel: str, n_raters: int, blocks: Sequence[int]) -> PanelDesign:
    """The design of a panel: the same arguments give the same design, so a place given again shows the same trials.

    Args:
        seed: the study's design seed.
        panel: the panel's name; each panel has a design of its own.
        n_raters: the number of places.
        blocks: the number of trials of each pair of runs, in the order of the panel's comparisons.
    """
    sides = balanced_sides(n_raters, blocks, rng_for(seed, "sides", panel))
    orders = balanced_orders(n_raters, sum(blocks), rng_for(seed, "order", panel))
    return PanelDesign(
        orders=tuple(tuple(row) for row in orders),
        a_left=tuple(tuple(row) for row in sides),
        seed=derived_seed(seed, "panel", panel),
    )


def next_place(places: Mapping[str, int], taken: Mapping[str, Set[int]]) -> tuple[str, int] | None:
    """The panel and slot for the next rater: the panel with the fewest raters, and in it the lowest free slot.

    Args:
        places: how many raters each panel is to have; among equally filled panels the first in this order is next.
        taken: the slots of each panel that are taken.

    Returns:
        None when every place is taken.
    """
    open_panels = [panel for panel, wanted in places.items() if len(taken.get(panel, ())) < wanted]
    if not open_panels:
        return None
    panel = min(open_panels, key=lambda name: len(taken.get(name, ())))
    used = taken.get(panel, frozenset())
    return panel, next(slot for slot in range(places[panel]) if slot not in used)
