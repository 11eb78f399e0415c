"""Tokens of the API. Whoever sends tokens that nobody has is limited, as with all keys."""

from __future__ import annotations

from django.contrib.auth.models import User
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from evaluation.doors import count_unknown_key


class LimitedTokens(TokenAuthentication):
    """`Authorization: Token ...`. A right token always passes: others behind the same address may hold a wrong one."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        """Whose token it is, None without one.

        Raises:
            AuthenticationFailed: nobody's.
            TooManyError: the address has sent too many of those.
        """
        try:
            return super().authenticate(request)
        except AuthenticationFailed:
            count_unknown_key(request)
            raise
