"""Invitations: the links that let raters in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from common import limits
from common.numbers import shown
from common.words import nearest
from evaluation.errors import ConflictError, InputError
from evaluation.intake import text_in
from evaluation.models import Invitation, Study
from evaluation.recruiting import PLATFORMS, new_code, pasted, return_link
from evaluation.selectors.crowd import declared_crowd

MOST_ADMITTED = 10_000
"""Raters that one link can let in."""

_NEVER = r"\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff"
WEB_ADDRESS = rf"https?://[^/?#\\@:{_NEVER}]+(:[0-9]{{1,5}})?([/?#][^{_NEVER}]*)?"
"""The pages that raters can be sent back to."""


@dataclass(frozen=True, slots=True)
class OtherCodes:
    """What a crowd platform wants back from those who do not finish. `partial_code`: from who is inside when the study
    closes. `screen_out_code`, `screen_out_url`: from whom the study can't take.
    """

    partial_code: str = ""
    screen_out_code: str = ""
    screen_out_url: str = ""


NO_OTHER_CODES = OtherCodes()


def invitation_create(
    *,
    study: Study,
    label: str = "",
    max_raters: int | None = None,
    expires_at: datetime | None = None,
    completion_code: str = "",
    completion_url: str = "",
    platform: str = "",
    others: OtherCodes = NO_OTHER_CODES,
) -> Invitation:
    """Make a link into `study`. It lets raters in while the study is open.

    Args:
        label: what researchers call it.
        max_raters: how many it lets in, 1 for a personal link; None for as many as the study has places.
        completion_code, completion_url: what a crowd platform wants back from those who finished, and where they go
            back to; shown only when the last rating is committed.
        platform: a recruitment site (`evaluation.recruiting.PLATFORMS`), "" for a plain link. Codes that are not given
            are made, and the return link where the site's is known.
        others: codes for raters who do not finish.

    Raises:
        InputError: a limit below one or too large, text that is no web address, or an unknown site.
        ConflictError: an end in the past, or a site where the study declares nothing of what its participants are told.
    """
    if max_raters is not None and not 1 <= max_raters <= MOST_ADMITTED:
        raise InputError(
            f"The maximum number of raters must be between 1 and {MOST_ADMITTED:,}; got {shown(max_raters)}.",
            field="max_raters",
        )
    label = text_in(label, "label", "the label", most=limits.LABEL)
    _refuse_platform(study, platform)
    codes = _codes(completion_code, others.partial_code, completion_url, platform)
    screened = _screen_out_codes(others.screen_out_code, others.screen_out_url, codes)
    if expires_at is not None and expires_at <= timezone.now():
        raise ConflictError("The expiry date is in the past. Choose a date in the future.", field="expires_at")
    return Invitation.objects.create(
        study=study,
        label=label,
        max_raters=max_raters,
        expires_at=expires_at,
        platform=platform,
        **codes,
        **screened,
    )


def invitation_recode(
    *, invitation: Invitation, completion_code: str, partial_code: str, completion_url: str
) -> Invitation:
    """Give an invitation other codes and another return link: those that the recruitment site has made.

    Raises:
        InputError: text that is no web address, both codes alike.
    """
    codes = _codes(completion_code, partial_code, completion_url, invitation.platform)
    for name, value in codes.items():
        setattr(invitation, name, value)
    invitation.save(update_fields=list(codes))
    return invitation


def invitation_revoke(*, invitation: Invitation) -> Invitation:
    """Let nobody in by this link any more. Who is in stays in."""
    if invitation.revoked_at is None:
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at"])
    return invitation


def invitation_url(invitation: Invitation) -> str:
    """The whole address of an invitation, as raters get it; for a recruitment site, as it is pasted there."""
    return pasted(invitation.platform, f"{settings.PUBLIC_URL}{reverse('rater:join', args=[invitation.key])}")


def _screen_out_codes(code: str, url: str, codes: Mapping[str, str]) -> dict[str, str]:
    """The code and the link of those whom the study can't take, checked against those of the others."""
    code = text_in(code, "screen_out_code", "the screen-out code", most=limits.COMPLETION_CODE)
    url = text_in(url, "screen_out_url", "the screen-out link", most=limits.COMPLETION_URL)
    if code and code.casefold() in (codes["completion_code"].casefold(), codes["partial_code"].casefold()):
        raise InputError(
            "The screen-out code is another code of this link. Give two, so that the site tells them apart.",
            field="screen_out_code",
        )
    if url and url == codes["completion_url"]:
        raise InputError(
            "The screen-out link is the return link. Give two, so that the recruitment site tells them apart.",
            field="screen_out_url",
        )
    if url and not re.fullmatch(WEB_ADDRESS, url):
        raise InputError(
            f'"{url}" is not a web address. Give one that begins with https://, such as https://example.org/thanks.',
            field="screen_out_url",
        )
    return {"screen_out_code": code, "screen_out_url": url}


def _refuse_platform(study: Study, platform: str) -> None:
    if platform and platform not in PLATFORMS:
        hint = nearest(platform, PLATFORMS) or "."
        raise InputError(
            f'Unknown recruitment site "{platform[:40]}"{hint} Allowed are {", ".join(PLATFORMS)}.', field="platform"
        )
    if platform and declared_crowd(study.specification) is None:
        raise ConflictError(
            f"The study {study} does not declare its approval, pay, retention and withdrawal, so no link for a "
            "recruitment site can be made. Copy it as a new draft and declare them there.",
            field="platform",
        )


def _codes(completion_code: str, partial_code: str, completion_url: str, platform: str) -> dict[str, str]:
    """Both codes and the return link, checked; what a recruitment site needs and is not given is made."""
    code = text_in(completion_code, "completion_code", "the completion code", most=limits.COMPLETION_CODE)
    partial = text_in(partial_code, "partial_code", "the code for an early end", most=limits.COMPLETION_CODE)
    url = text_in(completion_url, "completion_url", "the return link", most=limits.COMPLETION_URL)
    if platform:
        code, partial = code or new_code(), partial or new_code()
        url = url or return_link(platform, code)
    if code and code == partial:
        raise InputError(
            "The completion code and the code for an early end are the same, so nobody could tell who has finished. "
            "Give two different ones.",
            field="partial_code",
        )
    if url and not re.fullmatch(WEB_ADDRESS, url):
        raise InputError(
            f'"{url}" is not a web address. Give one that begins with https://, such as '
            "https://app.prolific.com/submissions/complete?cc=CODE",
            field="completion_url",
        )
    return {"completion_code": code, "partial_code": partial, "completion_url": url}
