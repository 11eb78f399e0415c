"""The protocol that a study locked, read once a process: nothing of it changes while the study is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation import protocols
from evaluation.models import Study

MOST_KEPT = 256

_kept: dict[tuple[int, str], protocols.Protocol] = {}
"""By the study's key and the hash of its specification, which tells one database from another."""


def locked_protocol(study: Study) -> protocols.Protocol:
    """The protocol of an open or closed study."""
    key = (study.pk, study.specification_hash)
    return _kept.get(key) or _keep(key, study.specification)


def protocol_of_locked(study_pk: int, specification_hash: str) -> protocols.Protocol:
    """The protocol of the open or closed study with this key. One query at the first call."""
    key = (study_pk, specification_hash)
    known = _kept.get(key)
    return known or _keep(key, Study.objects.values_list("specification", flat=True).get(pk=study_pk))


def _keep(key: tuple[int, str], specification: Mapping[str, Any]) -> protocols.Protocol:
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    return _kept.setdefault(key, protocols.read(specification["protocol"]))
