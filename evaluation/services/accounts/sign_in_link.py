"""Researchers' accounts, and the one-time links that sign them in."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from evaluation.errors import InputError, NotFoundError
from evaluation.models import SignInLink

VALID_FOR = timedelta(hours=24)


def sign_in_link_create(*, user: User) -> str:
    """The path of a link that signs `user` in once, within `VALID_FOR`. Only the hash of its key is kept."""
    key = secrets.token_urlsafe(24)
    SignInLink.objects.create(user=user, key_hash=_hash(key), expires_at=timezone.now() + VALID_FOR)
    return reverse("researcher:sign-in-link", args=[key])


def sign_in_link_use(*, key: str) -> User:
    """Use the link with this key up, and return its user. Of two simultaneous uses one succeeds.

    Raises:
        NotFoundError: no such link, or it was used or has expired (which of these is not told).
    """
    now = timezone.now()
    with transaction.atomic():
        link = (
            SignInLink.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(key_hash=_hash(key), used_at__isnull=True, expires_at__gt=now, user__is_active=True)
            .first()
        )
        if link is None:
            raise NotFoundError(
                "This sign-in link is unknown, has expired or was already used. A link works once, within 24 hours. "
                "Ask for a new one, or create one on the server: python manage.py sign_in_link USERNAME"
            )
        link.used_at = now
        link.save(update_fields=["used_at"])
    return link.user


def researcher_create(*, username: str) -> User:
    """An account without a password: its owner signs in by link, and may then set one.

    Raises:
        InputError: the name is taken, or not one that an account may have.
    """
    user = User(username=username)
    user.set_unusable_password()
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise InputError(f"username: {' '.join(error.messages)}", field="username") from error
    user.save()
    return user


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
