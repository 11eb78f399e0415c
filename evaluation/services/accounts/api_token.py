"""Researchers' API tokens, made and replaced."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from rest_framework.authtoken.models import Token


def api_token_given(*, user: User) -> str:
    """The token of `user`, made if there is none yet."""
    token, _ = Token.objects.get_or_create(user=user)
    return str(token.key)


def api_token_rotate(*, user: User) -> str:
    """Give `user` a new API token and return it; the old one stops working at once."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        Token.objects.filter(user=user).delete()
        return Token.objects.create(user=user).key
