"""Votes that came from another program: kept whole, as they were read."""

from __future__ import annotations

from django.db import models

from common import limits


class ImportedVotes(models.Model):
    """Votes from files of another program, in our form; no study of this platform, and never mixed with one.

    `kind`: ratings, scores or answers. `votes`: the table, Parquet. `sha256`: of the same table as CSV, by which
    reports name it. `reading`: how the files were read (`evaluation.analysis.votes.Votes.to_dict`).
    """

    name = models.SlugField(max_length=limits.STUDY_NAME, unique=True)
    kind = models.CharField(max_length=16)
    votes = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    reading = models.JSONField()
    n_rows = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "imported votes"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=("ratings", "scores", "answers")), name="imported_votes_of_a_known_kind"
            )
        ]

    def __str__(self) -> str:
        return self.name
