"""Which generators stand together on a prompt: every combination, or a balanced choice."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator

from evaluation.design.errors import DesignError

Combination = tuple[int, ...]
"""Generators by number, rising."""


def every_combination(n_generators: int, size: int) -> list[Combination]:
    """All combinations of `size` of the generators.

    Raises:
        DesignError: there are fewer generators than a trial shows.
    """
    _check(n_generators, size)
    return list(itertools.combinations(range(n_generators), size))


def balanced_combinations(n_generators: int, size: int, n_prompts: int, rng: random.Random) -> list[list[Combination]]:
    """For each prompt the combinations shown, as few as give every generator the same number of trials on it.

    Of pairs, every two generators meet equally often over the prompts, within one. Of larger combinations they meet
    about equally often: each is put together of those that have met least.

    Raises:
        DesignError: there are fewer generators than a trial shows.
    """
    _check(n_generators, size)
    if size == 1 or size == n_generators:
        whole = every_combination(n_generators, size)
        return [list(whole) for _ in range(n_prompts)]
    if size == 2:
        rounds = _rounds(n_generators, rng)
        return [next(rounds) for _ in range(n_prompts)]
    met: Counter[Combination] = Counter()
    return [_least_met(n_generators, size, met, rng) for _ in range(n_prompts)]


def _check(n_generators: int, size: int) -> None:
    if not 1 <= size <= n_generators:
        raise DesignError(
            f"A trial that shows {size} generators needs as many; there {'is' if n_generators == 1 else 'are'} "
            f"{n_generators}."
        )


def _rounds(n: int, rng: random.Random) -> Iterator[list[Combination]]:
    """Rounds of pairs in which every generator stands once (n even) or twice (n odd); each run of them has every pair.

    Even: the circle method of tournaments. Odd: generators on a circle, in each round those at one distance.
    """
    while True:
        names = list(range(n))
        rng.shuffle(names)
        if n % 2 == 0:
            still, turning = names[0], names[1:]
            rounds = []
            for shift in range(n - 1):
                circle = [still, *turning[shift:], *turning[:shift]]
                rounds.append([(circle[at], circle[n - 1 - at]) for at in range(n // 2)])
        else:
            rounds = [[(names[at], names[(at + far) % n]) for at in range(n)] for far in range(1, (n + 1) // 2)]
        rng.shuffle(rounds)
        yield from ([tuple(sorted(pair)) for pair in pairs] for pairs in rounds)


def _least_met(n: int, size: int, met: Counter[Combination], rng: random.Random) -> list[Combination]:
    """The combinations of one prompt. `met`: how often two generators stood together; it is brought up to date."""
    n_trials = n // math.gcd(n, size)
    left = dict.fromkeys(range(n), n_trials * size // n)
    chosen: list[Combination] = []
    for trials_left in range(n_trials, 0, -1):
        # whoever has as many trials to come as there are left must be in this one
        members = [each for each in left if left[each] == trials_left]
        while len(members) < size:
            free = [each for each in left if left[each] and each not in members]
            rng.shuffle(free)
            members.append(min(free, key=lambda each: (sum(met[_pair(each, one)] for one in members), -left[each])))
        for each in members:
            left[each] -= 1
        met.update(_pair(*two) for two in itertools.combinations(members, 2))
        chosen.append(tuple(sorted(members)))
    return chosen


def _pair(one: int, other: int) -> Combination:
    return (one, other) if one < other else (other, one)
