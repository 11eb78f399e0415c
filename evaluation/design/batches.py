"""Sharing trials out over batches, so that each has its part of every prompt and of every generator."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from evaluation.design.combinations import Combination


def balanced_batches(prompts: Sequence[Sequence[Combination]], most: int, rng: random.Random) -> list[list[int]]:
    """Batches of at most `most` trials, as few as that takes.

    Args:
        prompts: the combinations shown of each prompt; trials are numbered prompt by prompt.
        most: trials of a batch, 1 or more.

    Returns:
        The trials of each batch, rising. Batches have the same number of trials, within one, and so many of each
        prompt, within one; generators stand in them about equally often.
    """
    starts = [0]
    for combinations in prompts:
        starts.append(starts[-1] + len(combinations))
    n_batches = -(-starts[-1] // most)
    batches: list[list[int]] = [[] for _ in range(n_batches)]
    seen: list[Counter[int]] = [Counter() for _ in batches]
    order = list(range(len(prompts)))
    rng.shuffle(order)
    dealt = 0
    for prompt in order:
        # dealt round and round, each batch gets the same number of every prompt; which trial it is, is free
        free = [(dealt + at) % n_batches for at in range(len(prompts[prompt]))]
        dealt += len(free)
        trials = list(range(len(prompts[prompt])))
        rng.shuffle(trials)
        for trial in trials:
            members = prompts[prompt][trial]
            batch = min(free, key=lambda each: sum(seen[each][one] ** 2 for one in members))
            free.remove(batch)
            batches[batch].append(starts[prompt] + trial)
            seen[batch].update(members)
    return [sorted(batch) for batch in batches]
