"""Generation runs, their samples, and the uploads that become runs."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from common import limits
from evaluation.models.fields import SaidChars, SaidJSON, SaidText
from evaluation.models.suite import Prompt, Suite


class StoredImage(models.Model):
    """A file of the image store, kept once under the SHA-256 of its bytes (`evaluation.services.store.images`)."""

    sha256 = models.CharField(max_length=64, unique=True)
    image_format = models.CharField(max_length=10, help_text="png, jpeg, webp or avif: what the bytes are")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    n_bytes = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.sha256[:12]} {self.width}x{self.height} {self.image_format}"


class RunStatus(models.TextChoices):
    """Where a generation run stands. A run that ended with failures is `done`; they are counted beside it."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


class GenerationRun(models.Model):
    """One generator, one suite, one set of parameters: the thing that is compared.

    `parameters`: as resolved by the generator's spec. `weights_fingerprint`, `provenance`: as the worker found them
    (`generators.contract.GeneratorInfo`); empty until the first task has begun. `message`: why it failed, for people.
    `declared`: what people say of an upload (`evaluation.declared`). `archived_at`: since when lists leave
    it out.
    """

    class Origin(models.TextChoices):
        RENDERED = "rendered", "Rendered here"
        UPLOADED = "uploaded", "Uploaded"
        SHIPPED = "shipped", "Shipped with DrawBench"

    name = models.CharField(max_length=limits.RUN_NAME, unique=True)
    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="runs")
    origin = models.CharField(max_length=10, choices=Origin)
    generator = models.CharField(max_length=limits.GENERATOR)
    parameters = models.JSONField(default=dict, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels; empty: images have their own sizes")
    height = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels; empty: images have their own sizes")
    samples_per_prompt = models.PositiveIntegerField()
    run_seed = models.BigIntegerField(default=0)
    budget_usd = models.FloatField(null=True, blank=True, help_text="US dollars that it may cost; empty: any")
    spent_usd = models.FloatField(default=0.0, help_text="US dollars that it cost so far")
    status = models.CharField(max_length=10, choices=RunStatus, default=RunStatus.QUEUED)
    message = SaidText(blank=True)
    weights_fingerprint = SaidChars(max_length=limits.FINGERPRINT, blank=True)
    provenance = SaidJSON(default=dict, blank=True)
    declared = models.JSONField(default=dict, blank=True)
    notes = models.TextField(blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(samples_per_prompt__gte=1), name="run_has_samples"),
            models.CheckConstraint(condition=Q(run_seed__gte=0), name="run_seed_not_negative"),
            models.CheckConstraint(
                condition=Q(width__isnull=True, height__isnull=True) | Q(width__gte=1, height__gte=1),
                name="run_has_both_sides_or_none",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_drawn_here(self) -> bool:
        """Whether the images were made here: only then is it known how long they took here."""
        return self.origin == self.Origin.RENDERED

    @property
    def is_drawn_by_us(self) -> bool:
        """Whether this program made the images, here or before they shipped: then seed and parameters are known."""
        return self.origin != self.Origin.UPLOADED

    @property
    def known_seed(self) -> int | None:
        """The seed that its images were drawn with; None for an upload, of which nobody here knows it."""
        return self.run_seed if self.is_drawn_by_us else None


class Sample(models.Model):
    """One image of a run. `sample`: its index, from 0. `original`: the uploaded file as it came, for metrics only."""

    run = models.ForeignKey(GenerationRun, on_delete=models.CASCADE, related_name="samples")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="samples")
    sample = models.PositiveIntegerField()
    image = models.ForeignKey(StoredImage, on_delete=models.PROTECT, related_name="+")
    original = models.ForeignKey(StoredImage, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    content_key = models.CharField(max_length=64, blank=True, help_text="generators.runner.content_key")
    seconds = models.FloatField(null=True, blank=True)
    provenance = SaidJSON(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False, help_text="When it was drawn or stored")

    class Meta:
        ordering = ["run", "prompt", "sample"]
        constraints = [models.UniqueConstraint(fields=["run", "prompt", "sample"], name="sample_once")]

    def __str__(self) -> str:
        return f"{self.run} {self.prompt.prompt_id}/{self.sample}"


class SampleFailure(models.Model):
    """A sample that could not be made. Goes when a retry makes it.

    `retrying`: another try was asked for and has not ended yet; until then the sample counts as still to be made.
    """

    run = models.ForeignKey(GenerationRun, on_delete=models.CASCADE, related_name="failures")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="+")
    sample = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, help_text="generators.contract.FailureKind")
    message = SaidText(blank=True)
    attempts = models.PositiveIntegerField(default=1)
    retrying = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["run", "prompt", "sample"]
        constraints = [models.UniqueConstraint(fields=["run", "prompt", "sample"], name="sample_failure_once")]

    def __str__(self) -> str:
        return f"{self.run} {self.prompt.prompt_id}/{self.sample}: {self.kind}"


class Upload(models.Model):
    """A researcher's own images on their way to a run: received, checked, shown in a table, confirmed or dropped.

    `table`: a row for each image file, {"file", "prompt_id", "sample", "problem", ...}, as matched to the suite.
    `summary`: what the table comes to (`evaluation.selectors.uploads`). `staging`: the folder or zip to read, outside
    the staging folder only where a command named it.
    """

    class Status(models.TextChoices):
        RECEIVED = "received", "Received"
        CHECKING = "checking", "Checking"
        READY = "ready", "Ready to confirm"
        STORING = "storing", "Storing"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        DROPPED = "dropped", "Discarded"

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="uploads")
    run_name = models.CharField(max_length=limits.RUN_NAME)
    generator = models.CharField(max_length=limits.GENERATOR, help_text="What made the images, as reports will call it")
    file_name = models.CharField(max_length=limits.FILE_NAME, blank=True)
    staging = models.CharField(max_length=limits.SOURCE, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.RECEIVED)
    n_files = models.PositiveIntegerField(default=0)
    n_checked = models.PositiveIntegerField(default=0)
    table = models.JSONField(default=list, blank=True)
    summary = models.JSONField(default=dict, blank=True)
    options = models.JSONField(default=dict, blank=True)
    declared = models.JSONField(default=dict, blank=True, help_text="evaluation.declared")
    message = SaidText(blank=True)
    run = models.OneToOneField(GenerationRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="upload")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(n_checked__lte=F("n_files")), name="upload_checked_at_most_all")
        ]

    def __str__(self) -> str:
        return f"{self.run_name} ({self.status})"
