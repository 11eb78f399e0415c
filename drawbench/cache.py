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

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return self._tried(super().add, args, kwargs, otherwise=False)

    def get(self, key: Any, default: Any) -> Any:
        return self._tried(super().get, (key, default), {}, otherwise=default)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._tried(super().set, args, kwargs, otherwise=None)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        return self._tried(super().touch, args, kwargs, otherwise=False)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return self._tried(super().delete, args, kwargs, otherwise=False)

    def get_many(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return self._tried(super().get_many, args, kwargs, otherwise={})

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        return self._tried(super().has_key, args, kwargs, otherwise=False)

    def incr(self, key: Any, delta: int) -> int:
        return self._tried(super().incr, (key, delta), {}, otherwise=delta)

    def set_many(self, *args: Any, **kwargs: Any) -> None:
        self._tried(super().set_many, args, kwargs, otherwise=None)

    def delete_many(self, *args: Any, **kwargs: Any) -> None:
        self._tried(super().delete_many, args, kwargs, otherwise=None)

    def clear(self) -> bool:
        return self._tried(super().clear, (), {}, otherwise=False)

    def _tried(self, command: Callable[..., T], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, otherwise: T) -> T:
        if time.monotonic() < _Client._away_until:
            return otherwise
        try:
            answer = command(*args, **kwargs)
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
        client = self._cache
        return isinstance(client, _Client) and client.answers()
