"""Which samples of a run stand in an image set."""

from __future__ import annotations

import random
from collections.abc import Sequence


def choose_samples(available: Sequence[int], size: int, rng: random.Random) -> list[int]:
    """`size` of the `available` sample indices, in the order in which they are shown.

    Random, not hand-picked, as DrawBench asks (its source, section 3). Which ones are chosen does not depend on the
    order of `available`.

    Raises:
        ValueError: fewer are available than the set needs.
    """
    if size > len(available):
        raise ValueError(f"A set of {size} needs as many samples; there are {len(available)}.")
    return rng.sample(sorted(available), size)
