"""How often work was begun and never ended: what kills its worker is done alone next, and is given up in the end.

A count lies in the cache. It costs no more than a few deaths when the cache loses it, so a cache that does not answer
stops no work.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache import cache

from evaluation.surroundings import BROKER_AWAY

log = logging.getLogger(__name__)

ALONE_DEATHS = 3
"""How often something that is done alone may kill its worker before it is given up: nothing may kill them for ever."""

DEATHS = 1 + ALONE_DEATHS
"""How often an item may be begun without an end: once among others or alone, then alone."""

KEPT_S = 24 * 3600
"""How long a count is kept."""

CACHE_AWAY = (*BROKER_AWAY, OSError)

Item = TypeVar("Item", bound=Hashable)


class Deaths(Generic[Item]):
    """The counts of one piece of work. `name`: of the work, such as "run:7".

    Only who holds an item (`locks`) may count it, so that two workers never count at the same time.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def of(self, items: Collection[Item]) -> dict[Item, int]:
        """How often each item was begun without coming to an end."""
        names = self._names(items)
        counts = _read(list(names.values()))
        return {item: counts.get(name, 0) for item, name in names.items()}

    @contextmanager
    def counted(self, items: Collection[Item], *, too_long_counts: bool = True) -> Iterator[None]:
        """Count `items` as begun; an end forgets the count, also one with an error, but not the death of the process.

        `too_long_counts`: the task's limit on time leaves the count as a death does.
        """
        names = self._names(items)
        counts = _read(list(names.values()))
        _write({name: counts.get(name, 0) + 1 for name in names.values()})
        try:
            yield
        except SoftTimeLimitExceeded:
            if not too_long_counts:
                _delete(list(names.values()))
            raise
        except BaseException:
            _delete(list(names.values()))
            raise
        _delete(list(names.values()))

    def forget(self, items: Collection[Item]) -> None:
        """Begin the counts of `items` anew."""
        _delete(list(self._names(items).values()))

    def begin_anew(self) -> None:
        """Begin all counts anew, whoever counted what."""
        _write({self._round_name: secrets.token_hex(4)}, seconds=2 * KEPT_S)

    @property
    def _round_name(self) -> str:
        return f"begun:{self.name}:round"

    def _names(self, items: Collection[Item]) -> dict[Item, str]:
        of_round = _read([self._round_name]).get(self._round_name, "")
        return {item: f"begun:{self.name}:{of_round}:{_text(item)}" for item in items}


def _text(item: Hashable) -> str:
    return "/".join(map(str, item)) if isinstance(item, tuple) else str(item)


def _read(names: list[str]) -> dict[str, int]:
    try:
        found: dict[str, int] = cache.get_many(names)
    except CACHE_AWAY as error:
        log.warning("deaths of workers are not counted, the cache does not answer: %s", error)
        return {}
    return found


def _write(values: dict[str, int] | dict[str, str], *, seconds: int = KEPT_S) -> None:
    try:
        cache.set_many(values, timeout=seconds)
    except CACHE_AWAY as error:
        log.warning("deaths of workers are not counted, the cache does not answer: %s", error)


def _delete(names: list[str]) -> None:
    try:
        cache.delete_many(names)
    except CACHE_AWAY as error:
        log.warning("deaths of workers are not counted, the cache does not answer: %s", error)
