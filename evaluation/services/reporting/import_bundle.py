"""Import the ratings of a sealed bundle, from this server or another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd
from django.db import transaction

from common.words import counted
from evaluation.analysis.votes import Kind, Votes
from evaluation.models import ImportedVotes
from evaluation.reports.bundle.contents import BundleError
from evaluation.reports.bundle.verify import whole_bundle
from evaluation.reports.compute import counted_of
from evaluation.services.reporting.import_votes import votes_import

ANSWERS_SUFFIX = "-answers"
"""Follows the name of a bundle's other answers, where it has preferences as well."""


@dataclass(frozen=True)
class ImportedBundle:
    """`votes`: what was kept, preferences before other answers. `n_excluded`: raters whom the study's screening left
    out, and whose answers are not among them.
    """

    study: str
    head: str
    public_key: str
    votes: tuple[ImportedVotes, ...]
    n_excluded: int


@transaction.atomic
def bundle_import(*, name: str, path: Path, key: str | None = None) -> ImportedBundle:
    """Check the bundle at `path`, and keep its ratings and answers under `name`, as imported votes: a bundle has no
    images, so it makes no study whose trials could be looked at. They say which study and chain they are from, and give
    the numbers of the bundle's report. `key`: the public key that must have signed it.

    Raises:
        BundleError: it can't be read, does not hold, or has no ratings.
        InputError, ConflictError: the name can't be used.
    """
    checked, given = whole_bundle(path, key=key)
    told, manifest = checked.verified, checked.bundle.manifest
    counted_in = counted_of(given.ratings, given.answers)
    sealed = {
        "study": told.study,
        "head": told.head,
        "public_key": told.public_key,
        "specification_hash": str(manifest["specification_hash"]),
        "made_at": str(manifest["made_at"]),
    }
    notes = [f"Imported from the sealed bundle of study {told.study}: chain head {told.head}, key {told.public_key}."]
    if counted_in.excluded:
        left_out = counted(len(counted_in.excluded), "rater")
        notes.append(f"Without {left_out} whom the study's screening excluded.")

    def keep(kind: Kind, own: str, frame: pd.DataFrame) -> ImportedVotes:
        nothing: MappingProxyType[str, str] = MappingProxyType({})
        files = ((path.name, "sealed bundle"),)
        return votes_import(name=own, votes=Votes(kind, frame, files, nothing, nothing, tuple(notes)), sealed=sealed)

    pairs = counted_in.kept_ratings
    others = counted_in.kept_answers[~counted_in.kept_answers["question"].isin(given.questions)].reset_index(drop=True)
    kept = []
    if len(pairs):
        kept.append(keep("ratings", name, pairs))
    if len(others):
        kept.append(keep("answers", f"{name}{ANSWERS_SUFFIX}" if kept else name, others))
    if not kept:
        raise BundleError(f"{path.name} has no ratings yet, so there is nothing to import.")
    return ImportedBundle(told.study, told.head, told.public_key, tuple(kept), len(counted_in.excluded))
