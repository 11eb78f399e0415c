"""Checks a bundle: signature, hashes, chain, every rating against its seal, every file that follows, every number."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from common.errors import UserError
from common.hashes import hash_of
from common.words import counted
from evaluation.reports.bundle.chain import Link, commitment_of, contents_of, faults_of, is_signed
from evaluation.reports.bundle.contents import (
    ANSWERS,
    CHAIN,
    INPUT,
    LOCKED,
    MANIFEST,
    RATINGS,
    RECORDS,
    REPORT,
    SCORES,
    SPECIFICATION,
    Bundle,
    BundleError,
    file_head,
    read_bundle,
)
from evaluation.reports.bundle.differences import Gathered, cells, differences, gathered, leaves, rows_apart
from evaluation.reports.bundle.form import link_faults, row_faults
from evaluation.reports.bundle.input import input_from
from evaluation.reports.bundle.made_with import remark
from evaluation.reports.bundle.records import files_of
from evaluation.reports.compute import ReportInput, compute_report, settings_from
from evaluation.reports.ratings_file import csv_parts, csv_sha256

MENTIONED = 3
"""Differences that an error tells."""
MISSHAPEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What comes of reading a value that is not in the form that it should have."""
UNREAD = "lines that are not in their form"


@dataclass(frozen=True)
class Verified:
    """What was checked. `differences`: a sentence each, empty where all holds. `remarks`: what is no difference, and
    may explain some.
    """

    study: str
    n_ratings: int
    n_links: int
    n_numbers: int
    head: str
    public_key: str
    differences: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "schema": "drawbench-verified/1",
            "holds": self.holds,
            **self.__dict__,
            "differences": list(self.differences),
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True)
class Checked:
    """A bundle after its check. `given`: what its report is made of; None where it can't be read."""

    verified: Verified
    bundle: Bundle
    given: ReportInput | None


def verify_bundle(path: Path, *, key: str | None = None) -> Verified:
    """Check the bundle at `path`. `key`: the public key that must have signed it; any without one.

    Raises:
        BundleError: it can't be read.
    """
    return check_bundle(path, key=key).verified


def check_bundle(path: Path, *, key: str | None = None) -> Checked:
    """`verify_bundle`, with what was read.

    Raises:
        BundleError: it can't be read.
    """
    check = _Check(read_bundle(path))
    check.step(MANIFEST, lambda: check.signature(key))
    check.step(MANIFEST, check.hashes)
    check.step(CHAIN, check.chain)
    for name in LOCKED:
        check.step(name, partial(check.locked, name))
    check.step(RECORDS, check.records)
    check.step(RATINGS, check.follows)
    check.step(REPORT, check.numbers)
    return Checked(check.outcome(), check.bundle, check.given)


def whole_bundle(path: Path, *, key: str | None = None) -> tuple[Checked, ReportInput]:
    """A bundle in which all holds, and what its report is made of.

    Raises:
        BundleError: it can't be read, or something differs.
    """
    checked = check_bundle(path, key=key)
    differing = checked.verified.differences
    if differing or checked.given is None:
        first = " ".join(differing[:MENTIONED]) or "its report has no input."
        raise BundleError(
            f"{path.name} does not hold: {first} verify_bundle lists all {counted(len(differing), 'difference')}. "
            + "".join(f"{each} " for each in checked.verified.remarks)
            + "Get the bundle anew from whoever exported it."
        )
    return checked, checked.given


class _Check:
    """A bundle, and what was found so far. Steps use what steps before them read; where a file is not in its form, that
    is what is found.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle, self.manifest = bundle, bundle.manifest
        self.found: list[str] = []
        self.links: list[Link] = []
        self.told = contents_of(())
        self.sealed: frozenset[str] = frozenset()
        self.n_records = self.n_unread = 0
        self.ratings: pd.DataFrame | None = None
        self.answers: pd.DataFrame | None = None
        self.given: ReportInput | None = None
        self.n_numbers = 0

    def step(self, name: str, step: Callable[[], Iterable[str]]) -> None:
        """One step's differences; `name`: of the file that it is about."""
        try:
            self.found.extend(step())
        except (*MISSHAPEN, csv.Error, UserError) as error:
            said = str(error).rstrip(".") if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            self.found.append(f"{name}: it is not in its form ({said}).")

    def outcome(self) -> Verified:
        head = self.links[-1].head if self.links else ""
        named = str(self.manifest.get("study")), str(self.manifest.get("public_key"))
        counts = self.n_records, len(self.links), self.n_numbers
        remarks = tuple(filter(None, [remark(self.manifest)]))
        return Verified(named[0], *counts, head, named[1], tuple(dict.fromkeys(self.found)), remarks)

    def signature(self, key: str | None) -> Iterator[str]:
        manifest = dict(self.manifest)
        signature = str(manifest.pop("signature", ""))
        if not is_signed(str(manifest["public_key"]), hash_of(manifest), signature):
            yield f"{MANIFEST}: it is not what its key signed."
        if key is not None and key.lower() != manifest["public_key"]:
            yield f"{MANIFEST}: it is signed with the key {manifest['public_key']}, not with {key}."

    def hashes(self) -> Iterator[str]:
        told: Mapping[str, str] = self.manifest["files"]
        signatures: Mapping[str, str] = self.manifest["signatures"]
        for name in sorted(set(told) | set(self.bundle.files)):
            if name not in self.bundle.files:
                yield f"{name}: the manifest has it, and the bundle does not."
            elif name not in told:
                yield f"{name}: the manifest does not have it."
            elif self.bundle.files.sha256[name] != told[name]:
                yield f"{name}: it was changed after the bundle was made (its hash is another)."
            elif not is_signed(self.manifest["public_key"], file_head(name, told[name]), signatures.get(name, "")):
                yield f"{name}: it is not what the key signed."

    def chain(self) -> Iterator[str]:
        links: list[Link | None] = []
        found = Gathered(CHAIN)
        for number, line in enumerate(self.bundle.each_line(CHAIN), start=1):
            if isinstance(line, BundleError):
                found.add(UNREAD, str(line))
                links.append(None)
                continue
            faults = link_faults(line)
            for each in faults:
                found.add(UNREAD, f"{CHAIN}, line {number}: {each}.")
            links.append(None if faults else Link(**line))
        yield from found
        yield from faults_of(links, str(self.manifest["study"]))
        self.links = [link for link in links if link is not None]
        self.told = contents_of(self.links)
        self.sealed = frozenset(self.told.commitments)
        head = links[-1].head if links and links[-1] is not None else ""
        if head != self.manifest["head"]:
            yield f"{CHAIN}: it ends with {head[:12]}, and the manifest says {str(self.manifest['head'])[:12]}."
        if any(link.public_key != self.manifest["public_key"] for link in self.links):
            yield f"{CHAIN}: a link is signed with another key than the bundle."

    def locked(self, name: str) -> Iterator[str]:
        """What the study locked when it opened."""
        if hash_of(self.bundle.document(name)) != self.told.opened.get(name):
            yield f"{name}: it is not what the study locked when it opened."

    def records(self) -> Iterator[str]:
        """Every record against its commitment in the chain, every commitment against a record or a deletion; and what
        the records say, in the form of the files. Records are read once and not kept: there may be a million.
        """
        found = Gathered(RECORDS)
        waiting = set(self.sealed)
        try:
            self.frames(self._standing(found, waiting))
        finally:
            yield from found
        names = (each for each in self.told.commitments if each in waiting and each not in self.told.deleted)
        missing = (f"{RECORDS}: the rating sealed as {each[:12]} is missing." for each in names)
        yield from gathered(RECORDS, "ratings that are missing", missing)

    def frames(self, standing: Iterator[Mapping[str, Any]]) -> None:
        """What the records that count say, in the form of the files."""
        specification = self.bundle.document(SPECIFICATION)
        self.ratings, self.answers = files_of(standing, specification, str(self.manifest["pseudonym_key"]))

    def _standing(self, found: Gathered, waiting: set[str]) -> Iterator[Mapping[str, Any]]:
        """The records that count; what differs goes into `found`, and each commitment that a line names leaves
        `waiting`. A record that is not in its form is named and left out.
        """
        simulated = bool(self.bundle.document(REPORT)["settings"]["include_simulated"])
        strange: set[str] = set()
        for number, row in enumerate(self.bundle.each_line(RECORDS), start=1):
            self.n_records = number
            if isinstance(row, BundleError):
                self.n_unread += 1
                found.add(UNREAD, str(row))
                continue
            faults, named = row_faults(row), _commitment(row)
            own = commitment_of(str(row.get("salt")), row.get("record")) if named else ""
            if faults or own != named or named not in waiting or named in self.told.deleted:
                self.n_unread += bool(faults)
                where = f"{RECORDS}, line {number}{_who(row)}"
                for each in faults:
                    found.add(UNREAD, f"{where}: {each}.")
                twice = named in strange or (named in self.sealed and named not in waiting)
                for each in self._unlike_its_seal(named, own, twice):
                    found.add(each, f"{where}: {each}.")
            waiting.discard(named)
            if named not in self.sealed:
                strange.add(named)
            if not faults and named not in self.told.retracted and (simulated or not row["record"]["simulated"]):
                yield row["record"]

    def _unlike_its_seal(self, named: str, own: str, twice: bool) -> Iterator[str]:
        """Of a line that names a commitment, empty where it names none, and has this one of its `own`."""
        if own != named:
            yield "it was changed after it was sealed"
        elif own and own not in self.sealed:
            yield "it was never sealed"
        elif own in self.told.deleted:
            yield "it was deleted on the participant's request"
        if named and twice:
            yield "it stands twice"

    def follows(self) -> Iterator[str]:
        """ratings.csv and answers.csv against the records."""
        for name, frame in ((RATINGS, self.ratings), (ANSWERS, self.answers)):
            if (name not in self.bundle.files) != (frame is None):
                yield f"{name}: {'it is missing' if frame is not None else 'nothing that was sealed leads to it'}."
            elif frame is not None and csv_sha256(frame) != self.bundle.files.sha256[name]:
                with self.bundle.files.open(name) as there:
                    parts = csv_parts(frame)
                    apart = (
                        rows_apart(name, parts, there, self.n_unread) if self.n_unread else cells(name, parts, there)
                    )
                    yield from gathered(name, "what differs", apart)

    def numbers(self) -> Iterator[str]:
        """Every number of the report, computed again."""
        report = self.bundle.document(REPORT)
        if self.ratings is None:
            yield f"{REPORT}: it can't be computed again from these ratings."
            return
        if self.n_unread:
            yield f"{REPORT}: it can't be computed again without {counted(self.n_unread, 'record')} not in its form."
            return
        data, scores = self.bundle.document(INPUT), self.bundle.files.get(SCORES)
        try:
            given = input_from(data, self.ratings, self.answers, scores)
        except MISSHAPEN as error:
            yield f"{INPUT}: it is not in its form ({type(error).__name__}: {error})."
            return
        self.given = given
        again = compute_report(given, settings_from(report["settings"])).to_dict()
        self.n_numbers = sum(
            isinstance(value, int | float) and not isinstance(value, bool) for _, value in leaves(again)
        )
        told = (f"{REPORT}, {each}" for each in differences(again, report["results"]))
        yield from gathered(REPORT, "numbers and texts that differ", told)


def _commitment(row: object) -> str:
    """The commitment that a line names; empty where it names none."""
    named = row.get("commitment") if isinstance(row, dict) else None
    return named if isinstance(named, str) else ""


def _who(row: object) -> str:
    """Whose rating a line has, as far as it says."""
    record = row.get("record") if isinstance(row, dict) else None
    if not isinstance(record, dict):
        return ""
    return f" (prompt {record.get('prompt')}, {record.get('question')}, of rater {str(record.get('rater'))[:8]})"
