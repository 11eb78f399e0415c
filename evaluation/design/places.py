"""The places in which a trial's sets stand, balanced within raters and within trials.

A table of trials in which each generator stands equally often in each place is a colouring of the edges of a bipartite
graph: trials on one side, on the other each generator split into groups of as many of its trials as there are places;
places are the colours. Such a colouring always exists (Koenig 1916, Mathematische Annalen 77:453), and is found edge by
edge with alternating paths. Turned round once for each rater of a group, it is balanced within each trial as well.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from evaluation.design.combinations import Combination


def balanced_places(n_raters: int, trials: Sequence[Combination], rng: random.Random) -> list[list[tuple[int, ...]]]:
    """The generators of each trial in the order shown: one row a rater, one entry a trial.

    Args:
        n_raters: rows.
        trials: the generators of each trial, each trial as many.

    Returns:
        Orders in which every generator stands equally often in each place, within one, both in each row and, over the
        rows, in each trial.
    """
    size = len(trials[0]) if trials else 1
    rows: list[list[tuple[int, ...]]] = []
    while len(rows) < n_raters:
        table = _table(trials, size, rng)
        turns = rng.sample(range(size), min(size, n_raters - len(rows)))
        rows += [[order[turn:] + order[:turn] for order in table] for turn in turns]
    return rows


def _table(trials: Sequence[Combination], size: int, rng: random.Random) -> list[tuple[int, ...]]:
    """Each trial's generators in order, every generator equally often in each place, within one."""
    groups: dict[int, list[int]] = {}
    for trial in rng.sample(range(len(trials)), len(trials)):
        for member in trials[trial]:
            groups.setdefault(member, []).append(trial)
    edges = [(trial, (member, at // size)) for member, places in groups.items() for at, trial in enumerate(places)]
    rng.shuffle(edges)
    colouring = _Colouring(size)
    for trial, group in edges:
        colouring.add(trial, group, rng.sample(range(size), size))
    return [tuple(colouring.left[trial][place][0] for place in range(size)) for trial in range(len(trials))]


Group = tuple[int, int]
"""A generator, and the number of one of its groups of trials."""


class _Colouring:
    """Edges between trials (`left`) and groups (`right`), by colour; no two of one end share a colour."""

    def __init__(self, n_colours: int) -> None:
        self.n_colours = n_colours
        self.left: dict[int, dict[int, Group]] = {}
        self.right: dict[Group, dict[int, int]] = {}

    def add(self, trial: int, group: Group, colours: Sequence[int]) -> None:
        """Colour one more edge. `colours`: all of them, in the order in which they are tried."""
        here, there = self.left.setdefault(trial, {}), self.right.setdefault(group, {})
        both = [colour for colour in colours if colour not in here and colour not in there]
        if both:
            colour = both[0]
        else:
            colour = next(each for each in colours if each not in here)
            self._swap(group, colour, next(each for each in colours if each not in there))
        here[colour], there[colour] = group, trial

    def _swap(self, group: Group, first: int, second: int) -> None:
        """Exchange two colours along the path that leaves `group` by `first`; it never comes to a trial without it."""
        path: list[tuple[int, Group, int]] = []
        colour, at = first, group
        while True:
            if (trial := self.right[at].get(colour)) is None:
                break
            path.append((trial, at, colour))
            if (group_next := self.left[trial].get(self._other(colour, first, second))) is None:
                break
            path.append((trial, group_next, self._other(colour, first, second)))
            at = group_next
        for trial, each, colour_was in path:
            self.left[trial].pop(colour_was, None)
            self.right[each].pop(colour_was, None)
        for trial, each, colour_was in path:
            new = self._other(colour_was, first, second)
            self.left[trial][new], self.right[each][new] = each, trial

    @staticmethod
    def _other(colour: int, first: int, second: int) -> int:
        return second if colour == first else first
