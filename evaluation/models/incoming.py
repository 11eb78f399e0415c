"""Files on their way in."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from common import limits


class IncomingFile(models.Model):
    """A file that its owner sends in parts. It becomes an upload or a suite, or is removed when nobody goes on with it.

    n_bytes: its whole size, as declared. n_received: bytes from its beginning that are on disk. sha256: of the whole
    file, where the sender declared it, else "".
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    file_name = models.CharField(max_length=limits.FILE_NAME)
    n_bytes = models.PositiveBigIntegerField()
    n_received = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    received_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(n_received__lte=F("n_bytes")), name="incoming_file_received_at_most_all")
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.n_received} of {self.n_bytes} bytes)"
