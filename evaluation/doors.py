"""Limits on what strangers may try: passwords, keys that nobody has, places in a study.

A door counts in the cache, by address and whatever else it names, and opens again `seconds` after the first try that it
counted. Without Valkey nothing is counted and everybody passes (`drawbench.cache`, which says so in the log).
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase

from evaluation.client import client_address, client_counted
from evaluation.errors import InputError

log = logging.getLogger(__name__)

KNOWN_SECONDS = 30 * 24 * 3600
"""How long an address from which an account has signed in is known for it."""


class TooManyError(InputError):
    """Too many tries within a time. `retry_after`: seconds until the next one is taken."""

    status = 429

    def __init__(self, what: str, retry_after: int) -> None:
        super().__init__(f"Too many {what} from your address. Wait {_for_people(retry_after)}, then try again.")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Door:
    """At most `most` tries within `seconds`, counted apart for each `counted`. `what`: what people call the tries."""

    name: str
    what: str
    most: int
    seconds: int = 60

    def knock(self, request: HttpRequest, *counted: str) -> None:
        """Count a try.

        Raises:
            TooManyError: it is one too many.
        """
        key = self._key(counted)
        cache.add(key, 0, self.seconds)
        try:
            tries = cache.incr(key)
        except ValueError:  # it ran out between the two lines
            return
        if tries == 1:
            cache.set(f"{key}:until", time.time() + self.seconds, self.seconds)
        if tries == self.most + 1:
            log.warning("Too many %s from %s: refused for now.", self.what, client_address(request))
        if tries > self.most:
            raise self._refusal(key)

    def refuse_if_shut(self, *counted: str) -> None:
        """Raise `TooManyError` if no more tries are taken; counts nothing."""
        key = self._key(counted)
        if cache.get(key, 0) > self.most:
            raise self._refusal(key)

    def forget(self, *counted: str) -> None:
        """Take a try back that was counted: it was none to hold against anybody."""
        try:
            cache.decr(self._key(counted))
        except ValueError:
            return

    def _refusal(self, key: str) -> TooManyError:
        left = cache.get(f"{key}:until", time.time() + self.seconds) - time.time()
        return TooManyError(self.what, min(self.seconds, max(1, math.ceil(left))))

    def _key(self, counted: tuple[str, ...]) -> str:
        return f"door:{self.name}:{hashlib.sha256(repr(counted).encode()).hexdigest()}"


PASSWORDS = Door("password", "wrong passwords", 10, 300)
"""Of one account, from one address."""

PASSWORDS_OF_ADDRESS = Door("password-address", "wrong passwords", 50, 300)
"""Of all accounts, from one address."""

PASSWORDS_OF_ACCOUNT = Door("password-account", "wrong passwords for this account, not only", 100, 300)
"""Of one account, from all addresses that are not known for it: many strangers' guesses don't lock its owner out."""


class PasswordTry:
    """A name and password, counted as wrong until they have proved right."""

    def __init__(self, request: HttpRequest, username: str) -> None:
        """Count it.

        Raises:
            TooManyError: too many were wrong.
        """
        account, address = username.strip().casefold(), client_counted(request)
        self._known = f"door:known:{hashlib.sha256(repr((account, address)).encode()).hexdigest()}"
        self._counted: list[tuple[Door, tuple[str, ...]]] = []
        tries: list[tuple[Door, tuple[str, ...]]] = [
            (PASSWORDS, (account, address)),
            (PASSWORDS_OF_ADDRESS, (address,)),
        ]
        if not cache.get(self._known):
            tries.append((PASSWORDS_OF_ACCOUNT, (account,)))
        for door, counted in tries:
            door.knock(request, *counted)
            self._counted.append((door, counted))

    def right(self) -> None:
        """It was right: nothing is held against the address, and it is known for the account."""
        for door, counted in self._counted:
            door.forget(*counted)
        cache.set(self._known, True, KNOWN_SECONDS)


DEVICE_CODES = Door("device-code", "wrong codes", 10, 300)
"""Codes for going on on another device, from one address: 40 bits, and each is good for ten minutes."""

DEVICE_CODES_ASKED = Door("device-code-asked", "codes for another device", 20, 3600)
"""Asked for by one rater."""


def joins() -> Door:
    """Places that one address takes in studies; a class may sit behind one address."""
    return Door("join", "attempts to join", settings.JOINS_PER_MINUTE)


def keys() -> Door:
    """Keys from one address that nobody has: of invitations, sign-in links, images, raters, and of the API."""
    return Door("keys", "links and keys that do not exist", settings.JOINS_PER_MINUTE)


def count_unknown_key(request: HttpRequest) -> None:
    """Count a key that nobody has.

    Raises:
        TooManyError: the address has tried too many.
    """
    keys().knock(request, client_counted(request))


def refuse_guesser(request: HttpRequest) -> None:
    """Raise `TooManyError` if the address has tried too many keys that nobody has."""
    keys().refuse_if_shut(client_counted(request))


def count_join(request: HttpRequest) -> None:
    """Count an attempt to join a study.

    Raises:
        TooManyError: the address has made too many.
    """
    joins().knock(request, client_counted(request))


def say_when(response: HttpResponseBase, error: InputError) -> None:
    """Set Retry-After where `error` knows when to try again."""
    if isinstance(error, TooManyError):
        response.headers["Retry-After"] = str(error.retry_after)


def _for_people(seconds: int) -> str:
    if seconds > 90:
        return f"{math.ceil(seconds / 60)} minutes"
    return "a second" if seconds == 1 else f"{seconds} seconds"
