"""A report's paper kit: what it is made of, and the zip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evaluation.errors import ConflictError
from evaluation.file_out import file_out
from evaluation.models import Report
from evaluation.reports.document import ReportDocument
from evaluation.reports.kit.contents import kit_files, write_kit
from evaluation.reports.kit.source import KitSource
from evaluation.selectors.sealed import iso
from evaluation.services.reporting.input import report_frames
from evaluation.services.studies.looks import looks_counted

Page = Callable[[Report], bytes]
"""Writes a report as one HTML file."""


@dataclass(frozen=True)
class Packed:
    """A kit that was written. `files`: how many it has."""

    report: int
    study: str
    file: Path
    n_files: int
    n_ratings: int
    n_simulated: int
    n_bytes: int


def kit_source(*, report: Report, page: Page | None = None) -> KitSource:
    """What the kit of `report` is made of. `page`: writes its HTML file; without, the kit has none.

    Raises:
        ConflictError: the ratings that it was made from can't be read again, or there are none.
    """
    study = report.study
    if not report.n_ratings:
        raise ConflictError(f"The study {study} has no ratings yet, so there is nothing for a paper.")
    ratings, answers = report_frames(report)
    return KitSource(
        study=study.name,
        title=study.title,
        status=study.status,
        specification=study.specification,
        specification_hash=study.specification_hash,
        opened_at=iso(study.opened_at) if study.opened_at else "",
        report=report.pk,
        as_of=iso(report.as_of),
        input_hash=report.input_hash,
        settings=report.settings,
        code_version=report.code_version,
        document=ReportDocument.from_dict(report.results),
        ratings=ratings,
        answers=answers.frame,
        looks=looks_counted(study),
        page=None if page is None else page(report),
    )


def kit_write(*, report: Report, out: Path, page: Page | None = None) -> Packed:
    """Write the paper kit of `report` to `out`. An existing file is replaced once the new one is whole.

    Raises:
        ConflictError: as `kit_source`.
        InputError: there is no writing at `out`.
    """
    source = kit_source(report=report, page=page)
    files = kit_files(source)
    with file_out(out) as part:
        write_kit(part, files, kit_name(report))
    return Packed(
        report=report.pk,
        study=source.study,
        file=out,
        n_files=len(files),
        n_ratings=source.n_ratings,
        n_simulated=source.n_simulated,
        n_bytes=out.stat().st_size,
    )


def kit_name(report: Report) -> str:
    """What the kit's folder and file are called, without a suffix."""
    return f"{report.study.name}-report-{report.pk}-paper-kit"
