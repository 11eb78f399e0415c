"""The protocol that a study locked, read once a process: nothing of it changes while the study is open."""

from __future__ import annotations

from functools import lru_cache

from evaluation import protocols
from evaluation.models import Study


def locked_protocol(study: Study) -> protocols.Protocol:
    """The protocol of an open or closed study."""
    return protocol_of_locked(study.pk, study.specification_hash)


@lru_cache(maxsize=128)
def protocol_of_locked(study_pk: int, specification_hash: str) -> protocols.Protocol:
    """The protocol of the study with this key. One query at the first call.

    `specification_hash`: of the study; it tells one database from another.
    """
    return protocols.read(Study.objects.values_list("specification", flat=True).get(pk=study_pk)["protocol"])
