"""Researchers' API tokens."""

from __future__ import annotations

from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token


def api_token_of(user: User) -> str:
    """The user's API token, empty where there is none."""
    return Token.objects.filter(user=user).values_list("key", flat=True).first() or ""
