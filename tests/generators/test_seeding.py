"""Seeds and noise belong to a request, and to nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.contract import GeneratorError
from generators.seeding import MAX_RUN_SEED, derive_seed, noise
from tests.generators.colours import requests


def test_golden_seed() -> None:
    # By another road: printf '1\x1f00000\x1f0\x1fbase' | sha256sum, its first 16 digits, shifted right by one bit.
    assert derive_seed(1, "00000", 0, "base") == 0xE4B13331EB620E09 >> 1


@given(st.integers(0, MAX_RUN_SEED), st.integers(0, 10**6), st.integers(0, 99))
def test_seeds_fit_63_bits_and_differ_in_each_part(run_seed: int, prompt: int, sample: int) -> None:
    seed = derive_seed(run_seed, f"{prompt:05d}", sample, "base")
    assert 0 <= seed < 2**63
    others = {
        derive_seed((run_seed + 1) % (MAX_RUN_SEED + 1), f"{prompt:05d}", sample, "base"),
        derive_seed(run_seed, f"{prompt + 1:05d}", sample, "base"),
        derive_seed(run_seed, f"{prompt:05d}", sample + 1, "base"),
        derive_seed(run_seed, f"{prompt:05d}", sample, "sr"),
    }
    assert len(others | {seed}) == 5


def test_noise_does_not_depend_on_the_batch() -> None:
    asked = requests(3, 2)
    together = noise(asked, "base", (3, 8, 8))
    alone = np.concatenate([noise([request], "base", (3, 8, 8)) for request in reversed(asked)])[::-1]
    assert np.array_equal(together, alone)
    assert abs(float(noise(asked, "base", (64, 64)).std()) - 1) < 0.02


@pytest.mark.parametrize(("run_seed", "sample"), [(-1, 0), (MAX_RUN_SEED + 1, 0), (0, -1)])
def test_out_of_range_is_refused(run_seed: int, sample: int) -> None:
    with pytest.raises(GeneratorError):
        derive_seed(run_seed, "00000", sample, "base")
