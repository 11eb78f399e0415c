"""Invitations: the links that let raters in."""

from __future__ import annotations

import re
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from common import limits
from common.numbers import shown
from evaluation.errors import ConflictError, InputError
from evaluation.intake import text_in
from evaluation.models import Invitation, Study

MOST_ADMITTED = 10_000
"""Raters that one link can let in."""

_NEVER = r"\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff"
WEB_ADDRESS = rf"https?://[^/?#\\@:{_NEVER}]+(:[0-9]{{1,5}})?([/?#][^{_NEVER}]*)?"
"""The pages that raters can be sent back to."""


def invitation_create(
    *,
    study: Study,
    label: str = "",
    max_raters: int | None = None,
    expires_at: datetime | None = None,
    completion_code: str = "",
    completion_url: str = "",
    screen_out_code: str = "",
    screen_out_url: str = "",
) -> Invitation:
    """Make a link into `study`. It lets raters in while the study is open.

    Args:
        label: what researchers call it.
        max_raters: how many it lets in, 1 for a personal link; None for as many as the study has places.
        completion_code, completion_url: what a crowd platform wants back from those who finished, and where they go
            back to; shown only when the last rating is committed.
        screen_out_code, screen_out_url: the same for those whom the study can't take.

    Raises:
        InputError: a limit below one or too large, or text that is no web address.
        ConflictError: an end in the past.
    """
    if max_raters is not None and not 1 <= max_raters <= MOST_ADMITTED:
        raise InputError(
            f"The maximum number of raters must be between 1 and {MOST_ADMITTED:,}; got {shown(max_raters)}.",
            field="max_raters",
        )
    label = text_in(label, "label", "the label", most=limits.LABEL)
    completion_code = text_in(completion_code, "completion_code", "the completion code", most=limits.COMPLETION_CODE)
    completion_url = text_in(completion_url, "completion_url", "the return link", most=limits.COMPLETION_URL)
    screen_out_code = text_in(screen_out_code, "screen_out_code", "the screen-out code", most=limits.COMPLETION_CODE)
    screen_out_url = text_in(screen_out_url, "screen_out_url", "the screen-out link", most=limits.COMPLETION_URL)
    if screen_out_code and screen_out_code.casefold() == completion_code.casefold():
        raise InputError(
            "The screen-out code is the completion code. Give two, so that the recruitment site tells them apart.",
            field="screen_out_code",
        )
    if screen_out_url and screen_out_url == completion_url:
        raise InputError(
            "The screen-out link is the return link. Give two, so that the recruitment site tells them apart.",
            field="screen_out_url",
        )
    if expires_at is not None and expires_at <= timezone.now():
        raise ConflictError("The expiry date is in the past. Choose a date in the future.", field="expires_at")
    for field, url in (("completion_url", completion_url), ("screen_out_url", screen_out_url)):
        if url and not re.fullmatch(WEB_ADDRESS, url):
            raise InputError(
                f'"{url}" is not a web address. Give one that begins with https://, such as '
                "https://app.prolific.com/submissions/complete?cc=CODE",
                field=field,
            )
    return Invitation.objects.create(
        study=study,
        label=label,
        max_raters=max_raters,
        expires_at=expires_at,
        completion_code=completion_code,
        completion_url=completion_url,
        screen_out_code=screen_out_code,
        screen_out_url=screen_out_url,
    )


def invitation_revoke(*, invitation: Invitation) -> Invitation:
    """Let nobody in by this link any more. Who is in stays in."""
    if invitation.revoked_at is None:
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at"])
    return invitation


def invitation_url(invitation: Invitation) -> str:
    """The whole address of an invitation, as raters get it."""
    return f"{settings.PUBLIC_URL}{reverse('rater:join', args=[invitation.key])}"
