"""Checks a bundle: signature, hashes, chain, every rating against its seal, every file that follows, every number."""

from __future__ import annotations

import csv
import io
import itertools
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
from evaluation.reports.bundle.input import input_from
from evaluation.reports.bundle.records import FIELDS, files_of
from evaluation.reports.compute import ReportInput, compute_report, settings_from
from evaluation.reports.ratings_file import ratings_csv

DIGITS = 12
"""Significant digits in which numbers are compared, so that another library for matrices does not matter."""
MENTIONED = 3
"""Differences that an error tells."""
NAMED = 100
"""Differences of one kind that are named; of more, how many."""


@dataclass(frozen=True)
class Verified:
    """What was checked. `differences`: a sentence each, empty where all holds."""

    study: str
    n_ratings: int
    n_links: int
    n_numbers: int
    head: str
    public_key: str
    differences: tuple[str, ...]

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
            f"{path.name} does not hold: {first} verify_bundle lists all {counted(len(differing), 'difference')}. Get "
            "the bundle anew from whoever exported it."
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
        self.n_records = 0
        self.ratings: pd.DataFrame | None = None
        self.answers: pd.DataFrame | None = None
        self.given: ReportInput | None = None
        self.n_numbers = 0

    def step(self, name: str, step: Callable[[], Iterable[str]]) -> None:
        """One step's differences; `name`: of the file that it is about."""
        try:
            self.found.extend(step())
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, csv.Error, UserError) as error:
            said = str(error).rstrip(".") if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            self.found.append(f"{name}: it is not in its form ({said}).")

    def outcome(self) -> Verified:
        head = self.links[-1].head if self.links else ""
        named = str(self.manifest.get("study")), str(self.manifest.get("public_key"))
        counts = self.n_records, len(self.links), self.n_numbers
        return Verified(named[0], *counts, head, named[1], tuple(dict.fromkeys(self.found)))

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
        self.links = [Link(**each) for each in self.bundle.lines(CHAIN)]
        yield from faults_of(self.links, str(self.manifest["study"]))
        self.told = contents_of(self.links)
        head = self.links[-1].head if self.links else ""
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
        found: list[str] = []
        there: set[str] = set()
        try:
            self.frames(self._standing(found, there))
        finally:
            yield from found
        missing = [each for each in self.told.commitments if each not in there and each not in self.told.deleted]
        yield from _some(f"{RECORDS}: the rating sealed as {each[:12]} is missing." for each in missing)

    def frames(self, standing: Iterator[Mapping[str, Any]]) -> None:
        """What the records that count say, in the form of the files."""
        specification = self.bundle.document(SPECIFICATION)
        self.ratings, self.answers = files_of(standing, specification, str(self.manifest["pseudonym_key"]))

    def _standing(self, found: list[str], there: set[str]) -> Iterator[Mapping[str, Any]]:
        """The records that count; what differs goes into `found`, and each commitment into `there`."""
        simulated = bool(self.bundle.document(REPORT)["settings"]["include_simulated"])
        known = set(self.told.commitments)
        for number, row in enumerate(self.bundle.each_line(RECORDS), start=1):
            self.n_records = number
            record = row["record"]
            own = commitment_of(row["salt"], record)
            where = f"{RECORDS}, line {number} ({_who(record)})"
            if own != row["commitment"]:
                found.append(f"{where}: it was changed after it was sealed.")
            elif own not in known:
                found.append(f"{where}: it was never sealed.")
            elif own in self.told.deleted:
                found.append(f"{where}: it was deleted on the participant's request.")
            if row["commitment"] in there:
                found.append(f"{where}: it stands twice.")
            there.add(row["commitment"])
            if set(row) != {"commitment", "salt", "record"} or set(record) != set(FIELDS):
                found.append(f"{where}: its fields are not those of a record.")
            if row["commitment"] not in self.told.retracted and (simulated or not record["simulated"]):
                yield record

    def follows(self) -> Iterator[str]:
        """ratings.csv and answers.csv against the records."""
        wanted = {} if self.ratings is None else {RATINGS: ratings_csv(self.ratings)}
        wanted |= {} if self.answers is None else {ANSWERS: ratings_csv(self.answers)}
        for name in (RATINGS, ANSWERS):
            there, right = self.bundle.files.get(name), wanted.get(name)
            if there is None or right is None:
                if there is not right:
                    yield f"{name}: {'it is missing' if there is None else 'nothing that was sealed leads to it'}."
            elif there != right:
                yield from _some(_cells(name, right, there))

    def numbers(self) -> Iterator[str]:
        """Every number of the report, computed again."""
        report = self.bundle.document(REPORT)
        if self.ratings is None:
            yield f"{REPORT}: it can't be computed again from these ratings."
            return
        data, scores = self.bundle.document(INPUT), self.bundle.files.get(SCORES)
        try:
            given = input_from(data, self.ratings, self.answers, scores)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            yield f"{INPUT}: it is not in its form ({type(error).__name__}: {error})."
            return
        self.given = given
        again = compute_report(given, settings_from(report["settings"])).to_dict()
        self.n_numbers = sum(
            isinstance(value, int | float) and not isinstance(value, bool) for _, value in leaves(again)
        )
        yield from _some(f"{REPORT}, {each}" for each in differences(again, report["results"]))


def _who(record: Mapping[str, Any]) -> str:
    return f"prompt {record.get('prompt')}, {record.get('question')}, of rater {str(record.get('rater'))[:8]}"


def _cells(name: str, wanted: bytes, there: bytes) -> Iterator[str]:
    """The cells of a file that are not what they should be."""
    rows, own = (list(csv.reader(io.StringIO(each.decode(errors="replace"), newline=""))) for each in (wanted, there))
    if rows[0] != (own[0] if own else []):
        yield f"{name}: its columns are not {', '.join(rows[0])}."
        return
    for number, (right, row) in enumerate(itertools.zip_longest(rows[1:], own[1:]), start=1):
        if right is None or row is None:
            yield f"{name}, row {number}: it {'was added' if right is None else 'is missing'}."
            continue
        for column, a, b in itertools.zip_longest(rows[0], right, row):
            if a != b:
                yield f"{name}, row {number}, column {column}: it says {b!r}, and the sealed rating {a!r}."
    if rows == own:
        yield f"{name}: it is written in another form than the program writes."


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(place, value) of all that is no list and no mapping in a JSON value."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from leaves(each, f"{path}[{number}]")
    else:
        yield path, value


def differences(wanted: Any, there: Any) -> Iterator[str]:
    """Where two JSON values differ, numbers compared as decimals of `DIGITS` digits."""
    own, other = dict(leaves(wanted)), dict(leaves(there))
    for place in sorted(set(own) | set(other)):
        if place not in other:
            yield f"{place}: it is missing."
        elif place not in own:
            yield f"{place}: it was added."
        elif _canonical(own[place]) != _canonical(other[place]):
            yield f"{place}: it says {other[place]!r}, and comes out as {own[place]!r}."


def _canonical(value: Any) -> object:
    """Numbers as decimals, whole ones alike whether they are written with a point or not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{float(value):.{DIGITS}g}" if value else "0"


def _some(found: Iterable[str]) -> Iterator[str]:
    """The first `NAMED` of some differences, and how many more there are."""
    all_found = list(found)
    yield from all_found[:NAMED]
    if len(all_found) > NAMED:
        yield f"... and {len(all_found) - NAMED:,} more of this kind."
