"""Going on on another device: a rater asks for a code on one, and types it on the other, once and within minutes.

The other browser gets a key of its own, so both may go on; what keeps two tabs from answering twice keeps two devices
from it. A code is 40 random bits, kept as a keyed hash, and wrong ones are counted at a door (`evaluation.doors`).
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from common.text import look
from evaluation.models import DeviceCode, Rater
from evaluation.selectors.trials import session_key_hash
from evaluation.services.rating.enrol import Enrolled, refuse_unless_open
from evaluation.services.rating.errors import RaterError

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, O, 1 and I, which look alike."""

LENGTH = 8
MINUTES = 10
MOST_DEVICES = 5
"""Further devices of one rater; the one that was let in first has to stay behind for a sixth."""


@transaction.atomic
def device_code_create(*, rater: Rater) -> str:
    """A code for `rater`, good once and for `MINUTES`, such as "7KQM-2XWD"; an earlier one is no longer good.

    Raises:
        RaterError: the study is closed, or the rater has finished or left.
    """
    locked = Rater.objects.select_for_update(of=("self",)).select_related("study").get(pk=rater.pk)
    _refuse_unless_in(locked)
    now = timezone.now()
    DeviceCode.objects.filter(rater=locked, used_at=None).delete()
    DeviceCode.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()  # of all raters: they are of no use
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    DeviceCode.objects.create(rater=locked, code_hash=_hash(code), expires_at=now + timedelta(minutes=MINUTES))
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


@transaction.atomic
def device_enrol(*, code: str) -> Enrolled:
    """Let the browser where `code` was typed be its rater, with a key of its own; those of other devices stay good.

    Raises:
        RaterError: `code`, it is not good; or what keeps the rater from going on.
    """
    found = (
        DeviceCode.objects.select_for_update(of=("self",))
        .filter(code_hash=_hash(_plain(code)), used_at=None, expires_at__gt=timezone.now())
        .first()
    )
    if found is None:
        wrong = _("This code doesn't exist, was used already, or has expired. Ask for a new one where you started.")
        raise RaterError("code", wrong, status=404)
    rater = Rater.objects.select_for_update(of=("self",)).select_related("study", "invitation").get(pk=found.rater_id)
    _refuse_unless_in(rater)
    now = timezone.now()
    found.used_at = now
    found.save(update_fields=["used_at"])
    key = secrets.token_urlsafe(32)
    rater.device_key_hashes = [*rater.device_key_hashes, session_key_hash(key)][-MOST_DEVICES:]
    rater.last_seen_at = now
    rater.save(update_fields=["device_key_hashes", "last_seen_at"])
    return Enrolled(rater, key, new=False)


def _refuse_unless_in(rater: Rater) -> None:
    refuse_unless_open(rater.study, or_paused=True)  # the page of the trials says that it is
    if rater.dropped_at is not None:
        raise RaterError("dropped", _("You are no longer part of this study."))
    if rater.finished_at is not None:
        raise RaterError("finished", _("You have already taken part in this study. Thank you."))


def _plain(code: str) -> str:
    """As it was made, however it was typed."""
    return "".join(letter for letter in look(code).upper() if letter in LETTERS)


def _hash(code: str) -> str:
    """Keyed, since 40 bits are guessed at once from a plain hash."""
    return salted_hmac("device code of a rater", code, algorithm="sha256").hexdigest()
