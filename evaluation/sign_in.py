"""Django's check of names and passwords, with a limit on guessing: every page and address that asks for a password
comes through here."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from evaluation.doors import PasswordTry


class PasswordBackend(ModelBackend):
    """`AUTHENTICATION_BACKENDS`."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The account with this name and password, or None. A program on the server, without a request, isn't counted.

        Raises:
            TooManyError: too many passwords were wrong.
        """
        attempt = None if request is None or username is None else PasswordTry(request, username)
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is not None and attempt is not None:
            attempt.right()
        return user
