"""Make a study's report."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils import timezone

from evaluation.models import Report, Study
from evaluation.reports.compute import code_version, compute_report, settings_from
from evaluation.reports.ratings_file import frames_hash
from evaluation.selectors.declared import declared_primary
from evaluation.services.reporting.input import report_input, settings_hash


def report_make(*, study: Study, settings: Mapping[str, object] | None = None) -> Report:
    """The report of the study's standing ratings as of now; the same input, settings and code give the same row.

    The row is looked up by their hashes first; only what is not there is computed. `settings`: see
    `evaluation.reports.compute.DEFAULT_SETTINGS`; what the study declared beforehand goes before those. A study without
    ratings has a report that says so.

    Raises:
        InputError: an unknown setting or value.
    """
    declared = declared_primary(study.specification)
    beforehand = {"estimand": declared.estimand} if declared else {}
    checked = settings_from({**beforehand, **(settings or {})})
    as_of = timezone.now()
    given = report_input(study=study, settings=checked, as_of=as_of)
    named = {
        "study": study,
        "input_hash": frames_hash(given.ratings, given.answers.frame),
        "settings_hash": settings_hash(given, checked),
        "code_version": code_version(),
    }
    known = Report.objects.filter(**named).first()
    if known is not None:
        return known
    report, _ = Report.objects.get_or_create(
        **named,
        defaults={
            "as_of": as_of,
            "settings": checked.to_dict(),
            "results": compute_report(given, checked).to_dict(),
            "n_ratings": given.n_ratings,
            "n_simulated": given.n_simulated,
        },
    )
    return report
