"""Seals: what was committed to of a study's ratings, in links that name the one before."""

from __future__ import annotations

from django.db import models

from common.limits import SIGNATURE
from evaluation.models.rating import Rating
from evaluation.models.study import Study


class Seal(models.Model):
    """A link of a study's chain (`evaluation.reports.bundle.chain.Link`). Append-only, by triggers."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="seals")
    number = models.PositiveIntegerField()
    body = models.JSONField()
    head = models.CharField(max_length=64, unique=True)
    public_key = models.CharField(max_length=64)
    signature = models.CharField(max_length=SIGNATURE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["study", "number"]
        constraints = [models.UniqueConstraint(fields=["study", "number"], name="seal_number_once")]

    def __str__(self) -> str:
        return f"{self.study}: link {self.number}"


class SealedRating(models.Model):
    """What a link has of a rating. `salt` opens the commitment; `retracted_in`: the link that tells its retraction;
    `deleted_in`: the one that tells that it was deleted on the rater's request, which empties the salt for good.

    A row may change once for each, and none goes.
    """

    rating = models.OneToOneField(Rating, on_delete=models.PROTECT, related_name="sealed")
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="ratings")
    salt = models.CharField(max_length=32, blank=True)
    commitment = models.CharField(max_length=64, unique=True)
    retracted_in = models.ForeignKey(
        Seal, null=True, blank=True, on_delete=models.PROTECT, related_name="retractions", db_index=False
    )
    deleted_in = models.ForeignKey(
        Seal, null=True, blank=True, on_delete=models.PROTECT, related_name="deletions", db_index=False
    )

    def __str__(self) -> str:
        return self.commitment[:12]
