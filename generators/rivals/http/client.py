"""Requests to a service: only to hosts that are allowed, never further by a redirect to others, within time and size.

A host's name is looked up here and the connection goes to the address that was checked, so a name that is answered in
another way the second time reaches nothing else. Proxies of the environment are not used.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    HTTPError,
    IncompleteRead,
    NewConnectionError,
    SSLError,
)
from urllib3.exceptions import (
    TimeoutError as SlowError,
)

from common.images import DEFAULT_LIMITS
from generators.contract import Failure, FailureKind, StopError
from generators.rivals.http.watch import Watch, watch_connections, watched

MAX_BYTES = DEFAULT_LIMITS.max_bytes * 3 // 2
"""Of an answer: the largest image that is taken, in base 64, with some room around it."""

MAX_REDIRECTS = 3

MOST_PATIENCE_S = 3600.0
"""Seconds that a service may ask for. One that says years is asked again after an hour."""

CONNECT_S = 10.0
_PIECE = 64 * 1024
_LOOKED_UP_S = 60.0


class AnswerError(Exception):
    """A request that gave no image. `failure`: what its result says. `reached`: whether the service answered at all.
    `cost_usd`: what it cost all the same.
    """

    def __init__(self, failure: Failure, *, reached: bool = True, cost_usd: float = 0.0) -> None:
        super().__init__(failure.message)
        self.failure, self.reached, self.cost_usd = failure, reached, cost_usd


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered. `headers`: by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    host: str

    @property
    def kind(self) -> str:
        """The content type, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def retry_after_s(self) -> float | None:
        """Seconds to wait, as the header Retry-After says: a number or a date, up to `MOST_PATIENCE_S`. None where it
        says nothing.
        """
        said = self.headers.get("retry-after", "").strip()
        if said.isdecimal():
            return min(float(said[:9]), MOST_PATIENCE_S)
        try:
            return min(max(0.0, parsedate_to_datetime(said).timestamp() - time.time()), MOST_PATIENCE_S)
        except (ValueError, TypeError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent."""

    method: str
    address: str
    headers: Mapping[str, str]
    body: bytes | None = None


class Client:
    """Requests to the hosts of one service, from several threads at once.

    `hosts`: names, or `*.example.com` for all below; `private`: whether they may be machines of one's own.
    """

    def __init__(self, hosts: Sequence[str], *, private: bool, most_bytes: int = MAX_BYTES, threads: int = 4) -> None:
        self._hosts = tuple(host.lower() for host in hosts)
        self._private, self._most, self._threads = private, most_bytes, threads
        self._pools: dict[tuple[str, str, str, int], HTTPConnectionPool] = {}
        self._known: dict[tuple[str, int], tuple[float, list[str]]] = {}
        self._lock = threading.Lock()

    def ask(self, sent: Sent, *, deadline: float, follow: bool = False) -> Answer:
        """Send it and read the answer whole. `deadline`: of `time.monotonic`. `follow`: redirects, to allowed hosts.

        Raises:
            AnswerError: no answer, half of one, too large or too slow a one, or a host that is not allowed.
            StopError: the service's certificate is not valid, or it redirects what may not be sent on.
        """
        address = sent.address
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._once(sent, self._allowed(address), deadline)
            target = answer.headers.get("location", "")
            if answer.status not in (301, 302, 303, 307, 308):
                return answer
            if not follow:
                raise StopError(
                    f"{answer.host} redirects this request to {_host_of(urljoin(address, target))}; write the address "
                    "that is meant into the template"
                )
            address = urljoin(address, target)
            sent = Sent(sent.method, address, {})  # whoever is next gets no key
        raise _invalid(f"{_host_of(address)} redirects more than {MAX_REDIRECTS} times")

    def close(self) -> None:
        """Close all connections. Harmless twice."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.close()

    def _allowed(self, address: str) -> SplitResult:
        try:
            parts = urlsplit(address)
            host = (parts.hostname or "").lower()
            _ = parts.port
        except ValueError:
            raise _invalid("the service named something that is no address") from None
        if parts.scheme not in ("https", "http") or not host or parts.username:
            raise _invalid("the service named something that is no address of an image")
        if parts.scheme == "http" and not self._private:
            raise _invalid(f"the service named an address without encryption, at {host}; only https is allowed")
        if not host_in(host, self._hosts):
            raise _invalid(
                f"the host {host} is not allowed; the template allows {', '.join(self._hosts)} (its field hosts)"
            )
        return parts

    def _once(self, sent: Sent, parts: SplitResult, deadline: float) -> Answer:
        host = str(parts.hostname).lower()
        target = parts.path or "/"
        if parts.query:
            target += f"?{parts.query}"
        try:
            return self._exchange(sent, parts, target, deadline)
        except SSLError:
            raise StopError(f"the certificate of {host} is not valid, so nothing was sent to it") from None
        except NewConnectionError:
            raise AnswerError(
                Failure(FailureKind.CRASH, f"{host} could not be reached: nothing answers at its port"), reached=False
            ) from None
        except (SlowError, TimeoutError):
            raise AnswerError(Failure(FailureKind.TIMEOUT, f"{host} did not answer in time")) from None
        except (HTTPError, OSError) as error:
            inner = next((each for each in (error, *error.args) if isinstance(each, IncompleteRead)), None)
            if inner is not None:
                raise _crash(f"the connection to {host} ended after {inner.partial:,} bytes of its answer") from None
            raise _crash(f"the connection to {host} broke ({type(error).__name__})") from None

    def _exchange(self, sent: Sent, parts: SplitResult, target: str, deadline: float) -> Answer:
        pool = self._pool(parts)
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        with watched(left) as watch:
            return self._read(pool, sent, parts, target, left, watch)

    def _read(
        self, pool: HTTPConnectionPool, sent: Sent, parts: SplitResult, target: str, left: float, watch: Watch
    ) -> Answer:
        host = str(parts.hostname).lower()
        response = pool.urlopen(
            sent.method,
            target,
            body=sent.body,
            headers={"Host": parts.netloc, "User-Agent": "DrawBench", "Accept-Encoding": "identity", **sent.headers},
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_S, left), read=left),
            preload_content=False,
            assert_same_host=False,
        )
        try:
            body = bytearray()
            for piece in response.stream(_PIECE):
                body += piece
                if len(body) > self._most:
                    raise _invalid(f"the answer of {host} has more than {self._most:,} bytes")
                if watch.rang:  # what ended then is no whole answer
                    raise TimeoutError
        except BaseException:
            response.close()
            raise
        response.release_conn()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, bytes(body), host)

    def _pool(self, parts: SplitResult) -> HTTPConnectionPool:
        host = str(parts.hostname).lower()
        port = parts.port or (443 if parts.scheme == "https" else 80)
        place = self._look_up(host, port)[0]
        with self._lock:
            pool = self._pools.get((parts.scheme, host, place, port))
            if pool is None:
                if parts.scheme == "https":
                    pool = HTTPSConnectionPool(
                        place, port, maxsize=self._threads, server_hostname=host, assert_hostname=host
                    )
                else:
                    pool = HTTPConnectionPool(place, port, maxsize=self._threads)
                watch_connections(pool)
                self._pools[parts.scheme, host, place, port] = pool
            return pool

    def _look_up(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be spoken to."""
        with self._lock:
            at, places = self._known.get((host, port), (0.0, []))
        if places and time.monotonic() - at < _LOOKED_UP_S:
            return places
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise AnswerError(
                Failure(FailureKind.CRASH, f"the name {host} can't be looked up; is there a network?"), reached=False
            ) from None
        every = list(dict.fromkeys(str(row[4][0]) for row in rows))
        places = [place for place in every if self._may_speak_to(place)]
        if not places:
            raise _invalid(f"{host} is a machine of a private network; a template must say private: true to allow that")
        with self._lock:
            self._known[host, port] = (time.monotonic(), places)
        return places

    def _may_speak_to(self, place: str) -> bool:
        address = ipaddress.ip_address(place.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return False  # among them the addresses where clouds keep their machines' secrets
        return address.is_global or (self._private and (address.is_private or address.is_loopback))


def host_in(host: str, hosts: Sequence[str]) -> bool:
    """Whether a host is one of `hosts`: names, or `*.example.com` for all below."""
    return any(host == known or (known.startswith("*.") and host.endswith(known[1:])) for known in hosts)


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or "no host"
    except ValueError:
        return "no host"


def _invalid(message: str) -> AnswerError:
    return AnswerError(Failure(FailureKind.INVALID, message))


def _crash(message: str) -> AnswerError:
    return AnswerError(Failure(FailureKind.CRASH, message))
