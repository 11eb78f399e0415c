"""Seeds and noise that depend on a request alone: not on the generator, the batch, the device or the process.

Two generators that draw the same prompt and sample of the same run seed start from the same noise, so a comparison
of two settings of one cascade is paired (facts: "seeded by (run seed, prompt id, sample index, stage)").
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from generators.contract import GeneratorError, ImageRequest

SEED_BITS = 63
MAX_RUN_SEED = 2**SEED_BITS - 1


def derive_seed(run_seed: int, prompt_id: str, sample: int, stage: str) -> int:
    """The seed of one stage of one image: SHA-256 of the four, its first 63 bits.

    Raises:
        GeneratorError: `run_seed` is not in 0 .. 2^63 - 1 or `sample` is negative.
    """
    if not 0 <= run_seed <= MAX_RUN_SEED:
        raise GeneratorError(f"run seed {run_seed} is not a whole number from 0 to {MAX_RUN_SEED}")
    if sample < 0:
        raise GeneratorError(f"sample {sample} is negative; samples count from 0")
    # \x1f can't stand in a prompt id, so two different tuples never give one text.
    text = "\x1f".join((str(run_seed), prompt_id, str(sample), stage))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> (64 - SEED_BITS)


def request_seed(request: ImageRequest, stage: str) -> int:
    """`derive_seed` for a request."""
    return derive_seed(request.run_seed, request.prompt_id, request.sample, stage)


def noise(requests: Sequence[ImageRequest], stage: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal noise, (len(requests), *shape), each row from its own request's seed.

    Philox on the CPU: the same numbers on every machine, whatever device then uses them.
    """
    rows = np.empty((len(requests), *shape), dtype=np.float32)
    for row, request in zip(rows, requests, strict=True):
        row[...] = np.random.Generator(np.random.Philox(request_seed(request, stage))).standard_normal(
            shape, dtype=np.float32
        )
    return rows
