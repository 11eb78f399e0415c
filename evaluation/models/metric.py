"""Automatic scores of generation runs: one metric with its parameters on one run, and its number for each image."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from common import limits
from evaluation.models.fields import SaidChars, SaidJSON, SaidText
from evaluation.models.generation import GenerationRun, RunStatus, Sample

NO_NUMBER = float("inf")
"""PostgreSQL sorts NaN above it: what is below it and above its negative is a number."""


class MetricRun(models.Model):
    """One metric with one set of parameters on one run, against one reference where it needs one.

    `kind`, `better`, `parameters`: as the metric's spec had them when it was asked for. The reference is a stored one's
    name (`reference_name`) or another run (`reference_run`). `n_done` of `n_total`: images, those of the reference
    among them where they are read too.

    What a worker found is kept as it was found: `label` (how the number may be called), `provenance` (weights' hashes,
    versions, device), `code_version` (of evaluation/metrics), `images_hash` (which images, over their keys and the
    hashes of the files that were read), and for a metric of kind set the whole `result` with its protocol manifest.
    """

    class Kind(models.TextChoices):
        SAMPLE = "sample", "A number for each image"
        SET = "set", "One number for all images"

    class Better(models.TextChoices):
        HIGHER = "higher", "Higher is better"
        LOWER = "lower", "Lower is better"

    run = models.ForeignKey(GenerationRun, on_delete=models.CASCADE, related_name="metric_runs")
    metric = models.CharField(max_length=limits.METRIC)
    kind = models.CharField(max_length=6, choices=Kind)
    better = models.CharField(max_length=6, choices=Better)
    parameters = models.JSONField(default=dict, blank=True)
    parameters_hash = models.CharField(max_length=64)
    reference_name = models.CharField(max_length=limits.REFERENCE_NAME, blank=True)
    reference_run = models.ForeignKey(
        GenerationRun, null=True, blank=True, on_delete=models.CASCADE, related_name="referred_by"
    )
    status = models.CharField(max_length=10, choices=RunStatus, default=RunStatus.QUEUED)
    n_done = models.PositiveIntegerField(default=0)
    n_total = models.PositiveIntegerField(default=0)
    message = SaidText(blank=True, help_text="Why it failed, for people")
    label = SaidChars(max_length=limits.METRIC_LABEL, blank=True)
    result = SaidJSON(null=True, blank=True)
    provenance = SaidJSON(default=dict, blank=True)
    code_version = SaidChars(max_length=60, blank=True)
    images_hash = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "metric", "parameters_hash", "reference_name"],
                condition=Q(reference_run__isnull=True),
                name="metric_run_once",
            ),
            models.UniqueConstraint(
                fields=["run", "metric", "parameters_hash", "reference_run"],
                condition=Q(reference_run__isnull=False),
                name="metric_run_once_by_run",
            ),
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="metric_run_status_known"),
            models.CheckConstraint(condition=Q(kind__in=("sample", "set")), name="metric_run_kind_known"),
            models.CheckConstraint(condition=Q(better__in=("higher", "lower")), name="metric_run_better_known"),
            models.CheckConstraint(condition=Q(n_done__lte=F("n_total")), name="metric_run_done_at_most_all"),
            models.CheckConstraint(
                condition=Q(reference_name="") | Q(reference_run__isnull=True), name="metric_run_one_reference"
            ),
            models.CheckConstraint(
                condition=~Q(status="done") | ~Q(label="") & (Q(kind="sample") | Q(result__isnull=False)),
                name="metric_run_done_has_result",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric} of {self.run}"

    @property
    def reference(self) -> str:
        """The reference as people name it in commands; empty where there is none. Takes `reference_run` if set."""
        return f"run:{self.reference_run.name}" if self.reference_run else self.reference_name

    @property
    def under_way(self) -> bool:
        """Whether workers have it, or will."""
        return self.status in (RunStatus.QUEUED, RunStatus.RUNNING)


class MetricScore(models.Model):
    """What a metric says of one sample: a number, or why there is none. `detail`: what was seen (boxes, text read ...).

    Of a metric of kind set: how much this sample moves the set's number (its influence), where that can be had.
    """

    metric_run = models.ForeignKey(MetricRun, on_delete=models.CASCADE, related_name="scores")
    sample = models.ForeignKey(Sample, on_delete=models.CASCADE, related_name="scores")
    value = models.FloatField(null=True)
    why = SaidText(blank=True)
    detail = SaidJSON(default=dict, blank=True)

    class Meta:
        ordering = ["metric_run", "sample"]
        constraints = [
            models.UniqueConstraint(fields=["metric_run", "sample"], name="metric_score_once"),
            models.CheckConstraint(condition=Q(value__isnull=False) | ~Q(why=""), name="metric_score_or_why"),
            models.CheckConstraint(
                condition=Q(value__isnull=True) | Q(value__lt=NO_NUMBER, value__gt=-NO_NUMBER),
                name="metric_score_is_a_number",
            ),
        ]
        indexes = [models.Index(fields=["metric_run", "value"], name="metric_score_by_value")]

    def __str__(self) -> str:
        return f"{self.metric_run_id} {self.sample_id}: {self.why if self.value is None else self.value}"


class MetricShard(models.Model):
    """A part of the images of a metric of kind set, scored by a task of its own. Goes when all parts are merged.

    `number`: from 0, those of the reference last. `folder`, `shard`: where its plan lies below the cache of statistics,
    and which of it this is (`evaluation.metrics.features.shards`).
    """

    metric_run = models.ForeignKey(MetricRun, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    folder = models.CharField(max_length=limits.FOLDER)
    shard = models.PositiveIntegerField()
    n_images = models.PositiveIntegerField()
    is_done = models.BooleanField(default=False)

    class Meta:
        ordering = ["metric_run", "number"]
        constraints = [models.UniqueConstraint(fields=["metric_run", "number"], name="metric_shard_once")]

    def __str__(self) -> str:
        return f"{self.metric_run_id} part {self.number}"
