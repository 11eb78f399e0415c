"""Over simulated studies of each protocol, intervals hold what was planted, and estimates lean to no side of it."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from evaluation import protocols
from tests.ratings.planted import answers_of, estimates_of, smaller

STUDIES = 6


@pytest.mark.parametrize("name", protocols.names())
def test_the_intervals_of_each_protocol_hold_what_was_planted(name: str) -> None:
    protocol = smaller(name)
    held: list[bool] = []
    truths: dict[str, float] = {}
    errors: dict[str, list[float]] = defaultdict(list)
    for seed in range(STUDIES):
        for found in estimates_of(protocol, answers_of(protocol, seed=seed)):
            held.append(found.covers)
            errors[found.name].append(found.estimate - found.truth)
            truths[found.name] = found.truth
    assert len(held) >= STUDIES * 2 and np.mean(held) >= 0.88, np.mean(held)
    for what, each in errors.items():
        spread = np.std(each, ddof=1) / np.sqrt(len(each))
        assert abs(np.mean(each)) < 5 * spread + 0.1 * abs(truths[what]), (what, each)
