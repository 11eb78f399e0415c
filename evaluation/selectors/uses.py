"""What uses a suite, a run or a study, and what would be lost with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Sum

from common.hashes import hash_of
from common.words import counted
from evaluation.models import (
    GenerationRun,
    MetricRun,
    Rating,
    Sample,
    StoredImage,
    Study,
    StudyImage,
    StudyRun,
    StudyStatus,
    Suite,
    Upload,
)
from evaluation.models.generation import RunStatus

NAMED = 10
"""Of what uses a thing, so many are named."""

UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING)
OVER = (Upload.Status.DONE, Upload.Status.DROPPED)


@dataclass(frozen=True, slots=True)
class Uses:
    """Of one thing: `used_by`, names with their kind ("the study first"), which keep it from being renamed or deleted;
    `busy`: why it can't be touched at all now; and what would go with it for good.

    `images`: of the run. `n_bytes`: of their files, but those that something else shows too.
    """

    used_by: tuple[str, ...] = ()
    busy: str = ""
    prompts: int = 0
    images: int = 0
    n_bytes: int = 0
    scores: int = 0
    ratings: int = 0

    @property
    def version(self) -> str:
        """What tells whether this is still so when it is confirmed."""
        return hash_of([list(each) if isinstance(each, tuple) else each for each in asdict(self).values()])

    @property
    def lost(self) -> str:
        """What would be lost, in words."""
        parts = [
            counted(number, noun)
            for number, noun in (
                (self.prompts, "prompt"),
                (self.images, "image"),
                (self.scores, "automatic score"),
                (self.ratings, "rating"),
            )
            if number
        ]
        if self.n_bytes:
            parts.append(f"{size_text(self.n_bytes)} of files")
        return ", ".join(parts) or "nothing but its name"

    @property
    def users(self) -> str:
        """What uses it, in words; the first of many."""
        more = len(self.used_by) - NAMED
        return ", ".join(self.used_by[:NAMED]) + (f" and {more} more" if more > 0 else "")

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "used_by": list(self.used_by), "version": self.version}


def size_text(n_bytes: int) -> str:
    """`1536` -> "1.5 KiB"."""
    size = float(n_bytes)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def suite_uses(suite: Suite) -> Uses:
    """Runs of it, and uploads under way. Three queries."""
    runs = [f"the run {name}" for name in suite.runs.order_by("name").values_list("name", flat=True)]
    uploads = Upload.objects.filter(suite=suite).exclude(status__in=OVER).order_by("run_name")
    under_way = [f"the upload {name}" for name in uploads.values_list("run_name", flat=True)]
    return Uses(used_by=(*runs, *under_way), prompts=suite.prompts.count())


def run_uses(run: GenerationRun) -> Uses:
    """Studies, drafts among them, and scores that take it as their reference. Six queries."""
    studies = StudyRun.objects.filter(run=run).order_by("study__name").values_list("study__name", flat=True)
    referring = MetricRun.objects.filter(reference_run=run).exclude(run=run).select_related("run").order_by("pk")
    used_by = [f"the study {name}" for name in studies]
    used_by += [f"the score {each.metric} of {each.run.name}, which refers to it" for each in referring]
    busy = ""
    if run.status in UNFINISHED:
        busy = "It is being rendered. Stop it first."
    elif run.metric_runs.filter(status__in=UNFINISHED).exists():
        busy = "It is being scored. Stop that first."
    return Uses(
        used_by=tuple(used_by),
        busy=busy,
        images=run.samples.count(),
        n_bytes=images_of_run_alone(run).aggregate(total=Sum("n_bytes"))["total"] or 0,
        scores=run.metric_runs.count(),
    )


def images_of_run_alone(run: GenerationRun) -> QuerySet[StoredImage]:
    """Stored images that nothing but `run` shows, uploaded originals among them."""
    own = Sample.objects.filter(run=run)
    others = Sample.objects.exclude(run=run)
    this = OuterRef("pk")
    return StoredImage.objects.filter(
        Exists(own.filter(image=this)) | Exists(own.filter(original=this)),
        ~Exists(others.filter(image=this)),
        ~Exists(others.filter(original=this)),
        ~Exists(StudyImage.objects.filter(rendition=this)),
    )


def study_uses(study: Study) -> Uses:
    """What was opened is kept. Copies are none of its users: they say its hash. One query."""
    kept = (f"its own record: it is {study.status}, and what raters were shown stays",)
    return Uses(
        used_by=() if study.status == StudyStatus.DRAFT else kept,
        busy="It is open. Close it first." if study.status == StudyStatus.OPEN else "",
        ratings=Rating.objects.filter(rater__study=study, retracted_at__isnull=True).count(),
    )
