"""Lists for the pages and the API: each noun with the counts that stand beside it, without a query per row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from evaluation.models import (
    GenerationRun,
    Prompt,
    Rater,
    Rating,
    Report,
    RunStatus,
    Sample,
    Study,
    StudyStatus,
    Suite,
    Upload,
)


@dataclass(frozen=True, slots=True)
class Overview:
    """What a researcher meets first: how much there is, what is under way."""

    suites: int
    runs: int
    finished_runs: int
    studies: int
    ratings: int
    unfinished: tuple[GenerationRun, ...]
    uploads: tuple[Upload, ...]
    open_studies: tuple[Study, ...]

    @property
    def next_step(self) -> str:
        """The first thing that is missing: `suite`, `run`, `study`, `ratings`, or nothing."""
        if not self.suites:
            return "suite"
        if self.finished_runs < 2:
            return "run"
        if not self.studies:
            return "study"
        return "" if self.ratings else "ratings"


def overview() -> Overview:
    """The start page's content. Eight queries, however much there is."""
    unfinished = GenerationRun.objects.filter(status__in=[RunStatus.QUEUED, RunStatus.RUNNING])
    return Overview(
        suites=Suite.objects.count(),
        runs=GenerationRun.objects.count(),
        finished_runs=GenerationRun.objects.filter(status=RunStatus.DONE).count(),
        studies=Study.objects.count(),
        ratings=int(Rating.objects.filter(retracted_at__isnull=True)[:1].exists()),
        unfinished=tuple(unfinished.select_related("suite")[:5]),
        uploads=tuple(uploads_pending()[:5]),
        open_studies=tuple(studies_listed().filter(status=StudyStatus.OPEN, archived_at__isnull=True)[:5]),
    )


def suites_listed() -> QuerySet[Suite]:
    """Suites with `n_prompts`, `n_categories` and `n_runs`, newest first."""
    prompts = Prompt.objects.filter(suite=OuterRef("pk")).order_by().values("suite")
    runs = GenerationRun.objects.filter(suite=OuterRef("pk")).order_by().values("suite")
    return Suite.objects.order_by("-created_at", "-pk").annotate(
        n_prompts=_counted(prompts.annotate(n=Count("pk"))),
        n_categories=_counted(prompts.annotate(n=Count("category", distinct=True))),
        n_runs=_counted(runs.annotate(n=Count("pk"))),
    )


def suite_categories(suite: Suite) -> list[tuple[str, int]]:
    """Categories of a suite with their number of prompts, in the suite's order."""
    seen: dict[str, int] = {}
    for category in suite.prompts.order_by("number").values_list("category", flat=True):
        seen[category] = seen.get(category, 0) + 1
    return list(seen.items())


def runs_listed() -> QuerySet[GenerationRun]:
    """Runs with their suite, newest first."""
    return GenerationRun.objects.select_related("suite", "created_by").order_by("-created_at", "-pk")


def uploads_pending() -> QuerySet[Upload]:
    """Uploads that are being checked or wait to be confirmed, and those that failed, newest first."""
    over = [Upload.Status.DONE, Upload.Status.DROPPED]
    return Upload.objects.exclude(status__in=over).select_related("suite").defer("table").order_by("-created_at")


def comparable_runs(also: Sequence[int] = ()) -> QuerySet[GenerationRun]:
    """Runs that a study may compare: ended, with samples, not archived; those of one suite together.

    `also`: primary keys of archived ones that a draft compares already.
    """
    samples = Sample.objects.filter(run=OuterRef("pk")).order_by().values("run").annotate(n=Count("pk"))
    return (
        GenerationRun.objects.filter(Q(archived_at__isnull=True) | Q(pk__in=list(also)))
        .exclude(status__in=[RunStatus.QUEUED, RunStatus.RUNNING])
        .select_related("suite")
        .annotate(n_samples=_counted(samples))
        .filter(n_samples__gt=0)
        .order_by("-suite__created_at", "suite_id", "-created_at", "-pk")
    )


def studies_listed() -> QuerySet[Study]:
    """Studies with `n_ratings` (standing ones), `n_simulated` of them, `n_raters` (not dropped out), newest first."""
    standing = Rating.objects.filter(rater__study=OuterRef("pk"), retracted_at__isnull=True).order_by()
    by_study = standing.annotate(study=F("rater__study")).values("study").annotate(n=Count("pk"))
    raters = Rater.objects.filter(study=OuterRef("pk"), dropped_at__isnull=True).order_by().values("study")
    return (
        Study.objects.prefetch_related("study_runs")
        .order_by("-created_at", "-pk")
        .annotate(
            n_ratings=_counted(by_study),
            n_simulated=_counted(by_study.filter(rater__simulated=True)),
            n_raters=_counted(raters.annotate(n=Count("pk"))),
        )
    )


def reports_listed(study: Study) -> QuerySet[Report]:
    """A study's reports without their results, newest first."""
    return study.reports.defer("results").order_by("-created_at", "-pk")


def _counted(rows: Any) -> Coalesce:
    """The number `n` of a grouped query that refers to the outer row, 0 where there is none. (django-stubs has no type
    for a query set of any model with an annotation.)"""
    return Coalesce(Subquery(rows.values("n"), output_field=IntegerField()), 0)
