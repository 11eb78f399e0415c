"""Parts of a suite: a few prompts of each category for a demonstration, or a random sample."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from evaluation.suites.types import MAX_NAME_CHARACTERS, SuiteData, SuiteError


class HasCategory(Protocol):
    """Whatever has a category: `PromptData`, or a row of the database."""

    @property
    def category(self) -> str: ...


P = TypeVar("P", bound=HasCategory)


def select(prompts: Sequence[P], per_category: int) -> list[P]:
    """At most `per_category` prompts of each category, in their order: always the same, spread evenly over it.

    Neighbours in a suite often vary one word, so the first few alone would show one idea only.
    """
    if per_category < 1:
        raise SuiteError(f"per_category is {per_category}; take at least one prompt of each category.")
    places: dict[str, list[int]] = {}
    for place, prompt in enumerate(prompts):
        places.setdefault(prompt.category, []).append(place)
    kept: list[int] = []
    for mine in places.values():
        n = min(per_category, len(mine))
        kept += [mine[i * len(mine) // n] for i in range(n)]
    return [prompts[place] for place in sorted(kept)]


def sample_of(suite: SuiteData, size: int, seed: int = 0) -> SuiteData:
    """`size` prompts drawn without replacement, in the suite's order, numbered anew; the name tells size and seed.

    Drawn by the hash of seed and place, so that the same seed gives the same prompts under any version of Python.
    """
    n = len(suite.prompts)
    if not 1 <= size <= n:
        raise SuiteError(f"A sample of {size} can't be drawn: the suite has {n:,} prompts. Ask for 1 to {n:,}.")
    if size == n:
        return suite
    drawn = sorted(range(n), key=lambda place: hashlib.sha256(f"{seed}\t{place}".encode()).digest())[:size]
    suffix = f"-sample{size}-seed{seed}"
    return replace(
        suite,
        name=suite.name[: MAX_NAME_CHARACTERS - len(suffix)] + suffix,
        prompts=tuple(replace(suite.prompts[place], number=number) for number, place in enumerate(sorted(drawn))),
        notes=(*suite.notes, f"A random sample of {size:,} of {n:,} prompts, seed {seed}."),
    )
