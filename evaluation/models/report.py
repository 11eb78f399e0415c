"""Reports: results with everything that is needed to compute them again."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from evaluation.models.study import Study


class Report(models.Model):
    """The analysis of a study's ratings at one moment.

    `as_of`: the moment whose standing ratings were read; those of that moment can be read again later. `input_hash`:
    SHA-256 of the ratings file's bytes. `settings`: the analysis' own. `results`: `drawbench-analysis/1`.
    The same input, settings and code give the same report, which is kept once.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="reports")
    as_of = models.DateTimeField(default=timezone.now)
    input_hash = models.CharField(max_length=64)
    settings = models.JSONField(default=dict)
    settings_hash = models.CharField(max_length=64)
    code_version = models.CharField(max_length=60)
    results = models.JSONField()
    n_ratings = models.PositiveIntegerField()
    n_simulated = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["study", "input_hash", "settings_hash", "code_version"], name="report_once")
        ]

    def __str__(self) -> str:
        return f"{self.study} report {self.input_hash[:8]}"
