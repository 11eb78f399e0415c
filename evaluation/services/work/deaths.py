"""How often work was begun and never ended: what kills its worker is done alone next, and is given up in the end.

A count lies in the cache, which holds nothing and stops nothing while its server is away. Losing it costs no more than
a few further deaths.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache import cache

ALONE_DEATHS = 3
"""How often something that is done alone may kill its worker before it is given up: nothing may kill them for ever."""

DEATHS = 1 + ALONE_DEATHS
"""How often an item may be begun without an end: once among others or alone, then alone."""

KEPT_S = 24 * 3600
"""How long a count is kept."""

Item = TypeVar("Item", bound=Hashable)


class Deaths(Generic[Item]):
    """The counts of one piece of work. `name`: of the work, such as "run:7".

    Only who holds an item (`locks`) may count it, so that two workers never count at the same time; what was read once
    of what is held is not asked again.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._known: dict[Item, int] = {}
        self._ended: set[str] = set()  # their counts are still those of their beginning
        self._zero: set[str] = set()
        self._round: str | None = None

    def of(self, items: Collection[Item]) -> dict[Item, int]:
        """How often each item was begun without coming to an end."""
        names = self._names(items)
        counts = cache.get_many(names.values())
        self._known |= {item: 0 if name in self._ended else counts.get(name, 0) for item, name in names.items()}
        return {item: self._known[item] for item in names}

    @contextmanager
    def counted(
        self, items: Collection[Item], *, too_long_counts: bool = True, more_follow: bool = False
    ) -> Iterator[None]:
        """Count `items` as begun; an end forgets the count, also one with an error, but not the death of the process.

        `too_long_counts`: the task's limit on time leaves the count as a death does. Two trips to the cache, where the
        counts are known (`of`); one with `more_follow`, which leaves the forgetting to the next call or to
        `forget_ended`.
        """
        names = self._names(items)
        if unknown := [item for item in items if item not in self._known]:
            self.of(unknown)
        begun = {name: self._known.pop(item) + 1 for item, name in names.items()}
        cache.set_many({**dict.fromkeys(self._ended, 0), **begun}, timeout=KEPT_S)
        self._zero, self._ended = (self._zero | self._ended) - begun.keys(), set()
        try:
            yield
        except SoftTimeLimitExceeded:
            if not too_long_counts:
                cache.delete_many(names.values())
            raise
        except BaseException:
            cache.delete_many(names.values())
            raise
        if more_follow:
            self._ended.update(names.values())
        else:
            cache.delete_many(names.values())

    def forget_ended(self) -> None:
        """Forget the counts of all that came to an end (`more_follow`)."""
        cache.delete_many(self._zero | self._ended)
        self._zero, self._ended = set(), set()

    def forget(self, items: Collection[Item]) -> None:
        """Begin the counts of `items` anew."""
        for item in items:
            self._known.pop(item, None)
        cache.delete_many(self._names(items).values())

    def begin_anew(self) -> None:
        """Begin all counts anew, whoever counted what."""
        self._known, self._round = {}, None
        cache.set(self._round_name, secrets.token_hex(4), timeout=2 * KEPT_S)

    @property
    def _round_name(self) -> str:
        return f"begun:{self.name}:round"

    def _names(self, items: Collection[Item]) -> dict[Item, str]:
        if self._round is None:
            self._round = str(cache.get(self._round_name, ""))
        return {item: f"begun:{self.name}:{self._round}:{_text(item)}" for item in items}


def _text(item: Hashable) -> str:
    return "/".join(map(str, item)) if isinstance(item, tuple) else str(item)
