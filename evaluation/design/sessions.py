"""What a rater sees in order: trials, declared repeats, and places for control trials."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.design.errors import DesignError


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a session. `trial`: its number, None for a control trial. `repetition`: 1 where it is seen again."""

    trial: int | None
    repetition: int = 0


def session_places(
    order: Sequence[int],
    *,
    repeats: int = 0,
    apart: int = 1,
    controls: int = 0,
    controls_first: bool = False,
    rng: random.Random,
) -> list[Place]:
    """The places of a session.

    Args:
        order: the trials in the order in which they are first seen.
        repeats: how many are seen a second time, which ones is drawn.
        apart: a repeat comes at least so many places after its first.
        controls: places for control trials, one in each of as many equal parts of the session, or all in front.

    Raises:
        DesignError: the session is too short for its repeats.
    """
    places = [Place(trial) for trial in order]
    if repeats > 0 and (repeats > len(order) or apart + repeats - 1 > len(order)):
        raise DesignError(
            f"{repeats} repeats at least {apart} places apart need {max(repeats, apart + repeats - 1)} trials; a rater "
            f"has {len(order)}."
        )
    again: set[int] = set()
    for _ in range(repeats):
        # what is put in later only moves a repeat further from its first
        early = [
            at
            for at, place in enumerate(places[: len(places) - apart + 1])
            if not place.repetition and place.trial not in again
        ]
        first = rng.choice(early)
        trial = places[first].trial
        assert trial is not None
        again.add(trial)
        places.insert(rng.randint(first + apart, len(places)), Place(trial, 1))
    if controls_first:
        return [Place(None)] * controls + places
    for part in reversed(range(controls)):
        start, end = (len(places) * each // controls for each in (part, part + 1))
        places.insert(rng.randint(start, end), Place(None))
    return places
