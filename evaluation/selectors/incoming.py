"""Files that are on their way in: everybody sees their own."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet

from evaluation.errors import NotFoundError
from evaluation.models import IncomingFile


def incoming_of(owner: User) -> QuerySet[IncomingFile]:
    """The files that `owner` is sending, newest first."""
    return IncomingFile.objects.filter(owner=owner)


def incoming_by_key(owner: User, key: UUID) -> IncomingFile:
    """The file of `owner` with this key.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    file = incoming_of(owner).filter(key=key).first()
    if file is None:
        raise NotFoundError("There is no file with this key, or it was used. Send it again.", field="key")
    return file
