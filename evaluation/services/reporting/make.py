"""Make a study's report."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from evaluation.models import Report, Study
from evaluation.reports.collection import collection
from evaluation.reports.compute import code_version, compute, settings_from
from evaluation.reports.ratings_file import input_hash, ratings_csv
from evaluation.selectors.live_board import stopping_state
from evaluation.selectors.ratings import ratings_frame
from evaluation.services.reporting.automatic import automatic_section
from evaluation.services.studies.specify import canonical_hash


def report_make(*, study: Study, settings: Mapping[str, object] | None = None) -> Report:
    """The report of the study's standing ratings as of now; the same ratings, settings and code give the same row.

    `settings`: see `evaluation.reports.compute.DEFAULT_SETTINGS`. A study without ratings has one that says so.

    Raises:
        InputError: an unknown setting or value.
    """
    checked = settings_from(settings)
    as_of = timezone.now()
    frame = ratings_frame(study, include_simulated=checked.include_simulated, as_of=as_of)
    results = compute(frame, checked)
    results["collection"] = collection(frame)
    stopping = stopping_state(study, as_of=as_of, include_simulated=checked.include_simulated)
    settings_hash = checked.hash
    if stopping is not None:  # who has finished is input too, which the ratings' hash does not show
        results["stopping_rule"] = stopping
        settings_hash = canonical_hash([settings_hash, stopping])
    automatic = automatic_section(study=study, ratings=frame, settings=checked)
    if automatic is not None:  # the scores are input too
        results["automatic"] = automatic
        settings_hash = canonical_hash([settings_hash, automatic["scores_sha256"]])
    with transaction.atomic():
        report, _ = Report.objects.get_or_create(
            study=study,
            input_hash=input_hash(ratings_csv(frame)),
            settings_hash=settings_hash,
            code_version=code_version(),
            defaults={
                "as_of": as_of,
                "settings": checked.to_dict(),
                "results": results,
                "n_ratings": len(frame),
                "n_simulated": int(frame["simulated"].sum()),
            },
        )
    return report
