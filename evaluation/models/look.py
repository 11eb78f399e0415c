"""Looks at results while a study is open: who looked at what, and when."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from common import limits
from evaluation.models.study import Study


class ResultLook(models.Model):
    """Somebody saw results of an open study. Append-only, by triggers (0018_controls).

    `what`: such as `report` or `ratings`. `by`: the account's name, or `command` on the server.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="looks")
    what = models.CharField(max_length=limits.LABEL)
    by = models.CharField(max_length=limits.TITLE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["study", "at", "pk"]

    def __str__(self) -> str:
        return f"{self.study}: {self.what} by {self.by}"
