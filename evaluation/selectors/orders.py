"""Studies whose runs others share, so that what they say of the same generators can stand side by side."""

from __future__ import annotations

from django.db.models import Count, Q

from evaluation.models import Study, StudyRun, StudyStatus

LEAST_SHARED = 2
MOST_BESIDE = 20


def studies_beside(study: Study) -> list[Study]:
    """Open and closed studies that share two runs or more with `study`, reference photographs not among them; the
    newest first, 20 at most.
    """
    own = StudyRun.objects.filter(study=study, is_reference=False).values("run")
    shared = Count("study_runs", filter=Q(study_runs__run__in=own, study_runs__is_reference=False), distinct=True)
    others = Study.objects.exclude(pk=study.pk).exclude(status=StudyStatus.DRAFT)
    found = others.annotate(shared=shared).filter(shared__gte=LEAST_SHARED).order_by("-opened_at", "-pk")
    return list(found[:MOST_BESIDE])


def run_names(study: Study) -> dict[str, str]:
    """The run's name of each label of `study`."""
    return dict(study.study_runs.values_list("label", "run__name"))
