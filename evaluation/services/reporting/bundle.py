"""A study as a sealed bundle: everything that a stranger needs to check and to compute its report again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings as instance
from django.utils import timezone

from common.files import SaveError, whole_file
from common.json_in import read_json
from evaluation.errors import ConflictError, InputError
from evaluation.models import Rater, Study, StudyStatus
from evaluation.reports.bundle.chain import contents_of, instance_key
from evaluation.reports.bundle.contents import (
    ANSWERS,
    CHAIN,
    INPUT,
    RATINGS,
    RECORDS,
    REPORT,
    SCORES,
    json_bytes,
    lines_bytes,
    write_bundle,
)
from evaluation.reports.bundle.input import input_from, input_json
from evaluation.reports.bundle.records import files_of, pseudonym, rater_tag
from evaluation.reports.compute import code_version, compute_report, settings_from
from evaluation.reports.ratings_file import ratings_csv
from evaluation.selectors.declared import declared_primary
from evaluation.selectors.ratings import rater_pseudonym
from evaluation.selectors.sealed import chain_of, iso, locked_documents, sealed_records
from evaluation.services.reporting.input import report_input
from evaluation.services.sealing.seal import study_seal


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
        ConflictError: the study is a draft.
        InputError: an unknown setting, or there is no writing at `out`.
    """
    if study.status == StudyStatus.DRAFT:
        raise ConflictError(f"The study {study} is a draft: open it before it is exported.")
    declared = declared_primary(study.specification)
    beforehand = {"estimand": declared.estimand} if declared else {}
    checked = settings_from({**beforehand, **(settings or {})})
    as_of = timezone.now()
    newly = study_seal(study=study)
    links, rows = chain_of(study), sealed_records(study)
    retracted = contents_of(links).retracted
    standing = [row["record"] for row in rows if row["commitment"] not in retracted]
    if not checked.include_simulated:
        standing = [record for record in standing if not record["simulated"]]
    key = secrets.token_hex(16)
    ratings, answers = files_of(standing, study.specification, key)
    given = report_input(study=study, settings=checked, as_of=as_of)
    files = {name: json_bytes(document) for name, document in locked_documents(study).items()}
    files |= {
        RATINGS: ratings_csv(ratings),
        RECORDS: lines_bytes(rows),
        CHAIN: lines_bytes(link.to_dict() for link in links),
    }
    if answers is not None:
        files[ANSWERS] = ratings_csv(answers)
    if given.scores is not None:
        files[SCORES] = ratings_csv(given.scores.frame)
    told = input_json(replace(given, ratings=ratings), _names(study, key))
    files[INPUT] = json_bytes(told)
    written: Any = read_json(files[INPUT])
    again = input_from(written, ratings, answers, files.get(SCORES))  # as whoever checks it has it
    files[REPORT] = json_bytes(
        {
            "settings": checked.to_dict(),
            "code_version": code_version(),
            "results": compute_report(again, checked).to_dict(),
        }
    )
    manifest = {
        "study": study.name,
        "title": study.title,
        "status": study.status,
        "made_at": iso(as_of),
        "pseudonym_key": key,
        "head": links[-1].head,
        "specification_hash": study.specification_hash,
    }
    try:
        with whole_file(out) as part:
            bundle = write_bundle(part, manifest, files, instance_key(instance.SECRET_KEY))
    except (OSError, SaveError) as error:
        raise InputError(f"Can't write {out}: {error}. Choose another place with --out.", field="out") from error
    return Exported(
        study=study.name,
        file=out,
        n_ratings=len(standing),
        n_simulated=sum(bool(record["simulated"]) for record in standing),
        newly_sealed=newly,
        n_links=len(links),
        head=links[-1].head,
        public_key=str(bundle.manifest["public_key"]),
        n_bytes=out.stat().st_size,
    )


def _names(study: Study, key: str) -> dict[str, str]:
    """The bundle's names of the raters, by those of every other export."""
    keys = map(str, Rater.objects.filter(study=study).values_list("key", flat=True))
    return {rater_pseudonym(each): pseudonym(rater_tag(each), key) for each in keys}
