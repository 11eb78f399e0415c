"""The cache on Valkey that is missed without harm: what it holds are counters of rate limits and how far work is.

While the server does not answer, reads find nothing, writes are dropped and counters begin at nothing, so rate limits
let everybody pass. The log says so once, and once more when it answers again. For `RETRY_AFTER` seconds it is not asked
again: each request would otherwise wait for it.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis import RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

T = TypeVar("T")

log = logging.getLogger(__name__)

RETRY_AFTER = 1.0

OPTIONS: dict[str, Any] = {
    # Once more at once: after a restart of the server every kept connection is dead, and the next is not.
    "retry": Retry(NoBackoff(), 1),
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
}


class _Client(RedisCacheClient):
    """Django's client; an answer of "nothing there" in place of a server that does not answer."""

    _away_until: ClassVar[float] = 0.0
    _is_away: ClassVar[bool] = False

    def answers(self) -> bool:
        """Whether the server takes commands now."""
        try:
            return bool(self.get_client(None, write=True).ping())
        except (RedisError, OSError):
            return False

    def add(self, key: str, value: Any, timeout: int | None) -> bool:
        return self._tried(lambda: super(_Client, self).add(key, value, timeout), False)

    def get(self, key: str, default: Any) -> Any:
        return self._tried(lambda: super(_Client, self).get(key, default), default)

    def set(self, key: str, value: Any, timeout: int | None) -> None:
        self._tried(lambda: super(_Client, self).set(key, value, timeout), None)

    def touch(self, key: str, timeout: int | None) -> bool:
        return self._tried(lambda: super(_Client, self).touch(key, timeout), False)

    def delete(self, key: str) -> bool:
        return self._tried(lambda: super(_Client, self).delete(key), False)

    def get_many(self, keys: Any) -> dict[str, Any]:
        return self._tried(lambda: super(_Client, self).get_many(keys), {})

    def has_key(self, key: str) -> bool:
        return self._tried(lambda: super(_Client, self).has_key(key), False)

    def incr(self, key: str, delta: int) -> int:
        return self._tried(lambda: super(_Client, self).incr(key, delta), delta)

    def set_many(self, data: Mapping[str, Any], timeout: int | None) -> None:
        self._tried(lambda: super(_Client, self).set_many(data, timeout), None)

    def delete_many(self, keys: Any) -> None:
        self._tried(lambda: super(_Client, self).delete_many(keys), None)

    def clear(self) -> bool:
        return self._tried(lambda: super(_Client, self).clear(), False)

    def _tried(self, command: Callable[[], T], otherwise: T) -> T:
        if time.monotonic() < _Client._away_until:
            return otherwise
        try:
            answer = command()
        except (RedisError, OSError) as error:
            _Client._away_until = time.monotonic() + RETRY_AFTER
            if not _Client._is_away:
                _Client._is_away = True
                log.error("Valkey does not answer (%s): rate limits let everybody pass until it does.", error)
            return otherwise
        if _Client._is_away:
            _Client._is_away = False
            log.warning("Valkey answers again: rate limits count again.")
        return answer


class ValkeyCache(RedisCache):
    """`CACHES["default"]`. `answers()` says whether the server is there."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(server, params | {"OPTIONS": OPTIONS | params.get("OPTIONS", {})})
        self._class = _Client

    def answers(self) -> bool:
        return bool(self._cache.answers())
