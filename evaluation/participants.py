"""Participants of recruitment sites, known again by a keyed hash that leads nobody back to their id."""

from __future__ import annotations

from django.utils.crypto import salted_hmac

SALT = "drawbench-participant"


def participant_hash(participant: str) -> str:
    """HMAC-SHA-256 of a recruitment site's id under the instance's secret key; empty of an empty id."""
    return salted_hmac(SALT, participant, algorithm="sha256").hexdigest() if participant else ""
