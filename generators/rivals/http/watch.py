"""A limit on the time of a whole exchange, however slowly its bytes come.

A socket's own limit is on each read alone: a service that sends a byte now and then would hold a request for ever.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_here = threading.local()


class Watch:
    """Ends one exchange at its deadline by closing what its connection reads from. `rang`: it did."""

    def __init__(self) -> None:
        self.rang = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def over(self, sock: socket.socket | None) -> None:
        """Watch this socket."""
        with self._lock:
            self._socket = sock
            if self.rang:
                self._end()

    def ring(self) -> None:
        """The time is up."""
        with self._lock:
            self.rang = True
            self._end()

    def _end(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # of TLS too: it has nothing to say any more


@contextmanager
def watched(seconds: float) -> Iterator[Watch]:
    """Within the block, what this thread asks over connections of `watch_connections` ends after so long.

    Raises:
        TimeoutError: it did, whatever the end of the connection was taken for.
    """
    watch = _here.watch = Watch()
    timer = threading.Timer(seconds, watch.ring)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    except Exception:
        if watch.rang:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        watch.over(None)
        _here.watch = None
    if watch.rang:
        raise TimeoutError


def watch_connections(pool: HTTPConnectionPool) -> None:
    """Let the connections of `pool` be watched."""
    pool.ConnectionCls = _TlsConnection if isinstance(pool, HTTPSConnectionPool) else _PlainConnection


def _note(sock: Any) -> None:
    watch = getattr(_here, "watch", None)
    if watch is not None:
        watch.over(sock)


class _PlainConnection(HTTPConnection):
    def getresponse(self) -> Any:
        _note(self.sock)
        return super().getresponse()


class _TlsConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        _note(self.sock)
        return super().getresponse()
