"""Seeds derived from a study's seed and from what they are for."""

from __future__ import annotations

import random

from common.hashes import hash_of


def derived_seed(seed: int, *purpose: str | int) -> int:
    """A seed in [0, 2**63) for one purpose: the first 63 bits of SHA-256 over `[seed, *purpose]` as JSON."""
    return int(hash_of([seed, *purpose], spaced=True)[:16], 16) >> 1


def rng_for(seed: int, *purpose: str | int) -> random.Random:
    """A generator of its own for one purpose, such as `rng_for(7, "order", "Colors")`."""
    return random.Random(derived_seed(seed, *purpose))
