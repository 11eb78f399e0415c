"""Colleagues invited, links taken back, passwords reset."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from rest_framework.authtoken.models import Token

from evaluation.errors import ConflictError, InputError, NotFoundError
from evaluation.models import SignInLink
from evaluation.services.accounts.sign_in_link import researcher_create, sign_in_link_create


@transaction.atomic
def colleague_invite(*, username: str) -> tuple[User, str]:
    """An account for a colleague and the path of its one-time link.

    Raises:
        InputError: the name is taken, or not one that an account may have.
    """
    user = researcher_create(username=username.strip())
    return user, sign_in_link_create(user=user)


@transaction.atomic
def link_renew(*, user: User) -> str:
    """The path of a new link for `user`; those that were not used stop working.

    Raises:
        ConflictError: the account is blocked.
    """
    if not user.is_active:
        raise ConflictError(f"The account {user.username} is blocked, so no link would sign it in. Unblock it first.")
    links_revoke(user=user)
    return sign_in_link_create(user=user)


def links_revoke(*, user: User) -> int:
    """Take back all links of `user` that were not used. How many there were."""
    return SignInLink.objects.filter(user=user, used_at__isnull=True).update(expires_at=timezone.now())


@transaction.atomic
def password_reset(*, username: str) -> tuple[User, str]:
    """Take the password and the API token of an account away, which ends its sessions, and give a one-time link for it.

    Raises:
        NotFoundError: there is no such account.
        ConflictError: it is blocked.
    """
    user = User.objects.select_for_update().filter(username=username).first()
    if user is None:
        known = ", ".join(User.objects.order_by("username").values_list("username", flat=True)[:20])
        raise NotFoundError(f'Unknown account "{username[:60]}". Accounts: {known or "none"}.', field="username")
    user.set_unusable_password()
    user.save(update_fields=["password"])
    Token.objects.filter(user=user).delete()
    return user, link_renew(user=user)


@transaction.atomic
def account_block(*, user: User, by: User, blocked: bool = True) -> User:
    """Let `user` sign in no more, or again. Nothing that the account made goes; its links and token stop working.

    Raises:
        InputError: somebody would block the own account.
    """
    if user.pk == by.pk:
        raise InputError("You can't block your own account. Ask a colleague.")
    user.is_active = not blocked
    user.save(update_fields=["is_active"])
    if blocked:
        links_revoke(user=user)
        Token.objects.filter(user=user).delete()
    return user
