"""A study as a sealed bundle: everything that a stranger needs to check and to compute its report again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings as instance
from django.utils import timezone

from common.json_in import read_json
from evaluation.errors import ConflictError
from evaluation.file_out import file_out
from evaluation.models import Rater, Study, StudyStatus
from evaluation.reports.bundle.chain import Link, contents_of, instance_key
from evaluation.reports.bundle.contents import (
    ANSWERS,
    CHAIN,
    INPUT,
    RATINGS,
    RECORDS,
    REPORT,
    SCORES,
    BundleWriter,
    Writing,
    bundle_writer,
    json_bytes,
    line_bytes,
)
from evaluation.reports.bundle.input import input_from, input_json
from evaluation.reports.bundle.records import Record, files_of, pseudonym, rater_tag
from evaluation.reports.compute import ReportInput, Settings, code_version, compute_report, settings_from
from evaluation.reports.ratings_file import csv_parts, ratings_csv
from evaluation.selectors.declared import declared_primary
from evaluation.selectors.ratings import rater_pseudonym
from evaluation.selectors.sealed import chain_of, deleted_since, iso, locked_documents, sealed_records
from evaluation.services.reporting.input import report_input
from evaluation.services.sealing.seal import study_seal

TRIES = 3
"""How often a bundle is begun before the export gives up, each time because a participant's data was deleted."""


@dataclass(frozen=True)
class Exported:
    """A bundle that was written. `newly_sealed`: ratings that no link had before."""

    study: str
    file: Path
    n_ratings: int
    n_simulated: int
    newly_sealed: int
    n_links: int
    head: str
    public_key: str
    n_bytes: int


def study_export(*, study: Study, out: Path, settings: Mapping[str, object] | None = None) -> Exported:
    """Seal what is not sealed yet, of an open study too, and write the study's bundle to `out`.

    `settings`: of the report inside, as for `report_make`. An existing file is replaced once the new one is whole.

    Raises:
        ConflictError: the study is a draft, or participants had their data deleted while it was written, `TRIES` times.
        InputError: an unknown setting, or there is no writing at `out`.
    """
    if study.status == StudyStatus.DRAFT:
        raise ConflictError(f"The study {study} is a draft: open it before it is exported.")
    declared = declared_primary(study.specification)
    beforehand = {"estimand": declared.estimand} if declared else {}
    checked = settings_from({**beforehand, **(settings or {})})
    newly = 0
    for _ in range(TRIES):
        newly += study_seal(study=study)
        try:
            return _exported(study, out, checked, newly)
        except _DeletedMeanwhile:
            continue
    raise ConflictError(
        f"Participants of {study} had their data deleted while it was exported, {TRIES} times in a row. No file was "
        "written. Export it again."
    )


def _exported(study: Study, out: Path, settings: Settings, newly: int) -> Exported:
    """One try at a bundle, of the chain as it stands now.

    Raises:
        _DeletedMeanwhile: a participant's data was deleted; nothing is written.
        InputError: there is no writing at `out`.
    """
    as_of = timezone.now()
    links, key = chain_of(study), secrets.token_hex(16)
    written = _Written(study, settings, key, links)
    given = report_input(study=study, settings=settings, as_of=as_of)
    manifest = {
        "study": study.name,
        "title": study.title,
        "status": study.status,
        "made_at": iso(as_of),
        "pseudonym_key": key,
        "head": links[-1].head,
        "specification_hash": study.specification_hash,
    }
    with file_out(out) as part, bundle_writer(part, instance_key(instance.SECRET_KEY)) as bundle:
        written.write(bundle, given)
        made = bundle.finish(manifest)
        if deleted_since(study, len(links)):
            raise _DeletedMeanwhile
    return Exported(
        study=study.name,
        file=out,
        n_ratings=written.n_ratings,
        n_simulated=written.n_simulated,
        newly_sealed=newly,
        n_links=len(links),
        head=links[-1].head,
        public_key=str(made["public_key"]),
        n_bytes=out.stat().st_size,
    )


class _DeletedMeanwhile(Exception):
    """A participant's data was deleted while a bundle was written: its chain still has ratings that are gone, or it has
    ratings that nobody may be given any more.
    """


class _Written:
    """The files of a study's bundle but its manifest; how many ratings stand in them."""

    def __init__(self, study: Study, settings: Settings, key: str, links: Sequence[Link]) -> None:
        self._study, self._settings, self._key, self._links = study, settings, key, links
        self._retracted = contents_of(links).retracted
        self.n_ratings = self.n_simulated = 0

    def write(self, bundle: BundleWriter, given: ReportInput) -> None:
        """Write them. The records are read once, and kept as the columns of ratings.csv alone."""
        for name, document in locked_documents(self._study).items():
            bundle.add(name, json_bytes(document))
        bundle.add(CHAIN, (line_bytes(link.to_dict()) for link in self._links))
        with bundle.file(RECORDS) as out:
            ratings, answers = files_of(self._standing(out), self._study.specification, self._key)
        bundle.add(RATINGS, csv_parts(ratings))
        if answers is not None:
            bundle.add(ANSWERS, csv_parts(answers))
        scores = None if given.scores is None else ratings_csv(given.scores.frame)
        if scores is not None:
            bundle.add(SCORES, scores)
        told = json_bytes(input_json(replace(given, ratings=ratings), _names(self._study, self._key)))
        bundle.add(INPUT, told)
        again: Any = read_json(told)
        results = compute_report(input_from(again, ratings, answers, scores), self._settings)  # as whoever checks it
        report = {"settings": self._settings.to_dict(), "code_version": code_version(), "results": results.to_dict()}
        bundle.add(REPORT, json_bytes(report))

    def _standing(self, out: Writing) -> Iterator[Record]:
        """Write each record; those that count."""
        for row in sealed_records(self._study, len(self._links)):
            out.write(line_bytes(row))
            record = row["record"]
            if row["commitment"] not in self._retracted and (
                self._settings.include_simulated or not record["simulated"]
            ):
                self.n_ratings += 1
                self.n_simulated += bool(record["simulated"])
                yield record


def _names(study: Study, key: str) -> dict[str, str]:
    """The bundle's names of the raters, by those of every other export."""
    keys = map(str, Rater.objects.filter(study=study).values_list("key", flat=True))
    return {rater_pseudonym(each): pseudonym(rater_tag(each), key) for each in keys}
