"""Bundles of one specification, merged: the same study held several times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.hashes import hash_of
from evaluation.analysis.replications import Replicated, replications
from evaluation.analysis.results import Document, rounded
from evaluation.reports.bundle.chain import Link, contents_of
from evaluation.reports.bundle.contents import CHAIN, SPECIFICATION, BundleError
from evaluation.reports.bundle.differences import differences
from evaluation.reports.bundle.verify import Checked, whole_bundle
from evaluation.reports.compute import counted_of
from evaluation.reports.wording.numbers import points, points_range

OWN: tuple[tuple[str, ...], ...] = (("study",), ("copied_from",), ("design", "seed"), ("raters", "contact"))
"""What of a specification is each replication's own: its name, what it was copied from, the seed of its order, whom
raters can ask. All else makes the replication hash."""
NAMED = 3
"""Differences of two specifications that an error names."""


@dataclass(frozen=True)
class Merged:
    """`specification_hash`: of what the studies share. `studies`: of each its name in this result, file, head, key.
    `n_simulated`: of their `n_ratings` those by simulated raters.
    """

    specification_hash: str
    level: float
    studies: tuple[Mapping[str, str], ...]
    comparisons: tuple[Replicated, ...]
    n_ratings: int
    n_simulated: int

    def to_dict(self) -> Document:
        """Ready for JSON."""
        return {
            "schema": "drawbench-replications/1",
            "specification_hash": self.specification_hash,
            "level": self.level,
            "studies": [dict(each) for each in self.studies],
            "n_ratings": self.n_ratings,
            "n_simulated": self.n_simulated,
            "comparisons": [each.to_dict() for each in self.comparisons],
        }


def shared_part(specification: Mapping[str, Any]) -> dict[str, Any]:
    """A specification without what is each replication's own."""
    found = dict(specification)
    for first, *rest in OWN:
        if not rest:
            found.pop(first, None)
        elif isinstance(found.get(first), Mapping):
            found[first] = {name: value for name, value in found[first].items() if name != rest[0]}
    return found


def merge_bundles(paths: Sequence[Path], *, level: float = 0.95) -> Merged:
    """Check each bundle, and pool the comparisons that all have.

    Raises:
        BundleError: fewer than two; one can't be read or does not hold; specifications differ; one study stands twice;
            or there are no pairs.
    """
    if len(paths) < 2:
        raise BundleError("Name two bundles or more, of studies with the same specification.")
    checked = [(path, *whole_bundle(path)) for path in paths]
    names = _names([(path, str(each.verified.study)) for path, each, _ in checked])
    _refuse_other_specifications([(path, each) for path, each, _ in checked])
    _refuse_twice([(path, each) for path, each, _ in checked])
    frames = {}
    for name, (_, _, given) in zip(names, checked, strict=True):
        frame = counted_of(given.ratings, given.answers).kept_ratings
        frames[name] = frame
    compared = rounded(replications(frames, level=level)) if all(map(len, frames.values())) else ()
    if not compared:
        raise BundleError("These bundles have no pair and question in common that people rated in each of them.")
    studies = tuple(
        {
            "name": name,
            "study": each.verified.study,
            "file": path.name,
            "head": each.verified.head,
            "public_key": each.verified.public_key,
        }
        for name, (path, each, _) in zip(names, checked, strict=True)
    )
    shared = hash_of(shared_part(checked[0][1].bundle.document(SPECIFICATION)))
    n_simulated = sum(int(frame["simulated"].sum()) for frame in frames.values() if "simulated" in frame)
    return Merged(shared, level, studies, compared, sum(map(len, frames.values())), n_simulated)


def in_words(merged: Merged) -> str:
    """The outcome for people."""
    return "\n".join(_lines(merged))


def _lines(merged: Merged) -> Iterator[str]:
    names = ", ".join(each["name"] for each in merged.studies)
    yield f"{len(merged.studies)} studies of one specification ({merged.specification_hash[:12]}): {names}."
    if merged.n_simulated:
        share = "All" if merged.n_simulated == merged.n_ratings else f"{merged.n_simulated:,} of {merged.n_ratings:,}"
        yield f"SIMULATED: {share} ratings come from simulated raters, not from people."
    for each in merged.comparisons:
        pair = each.comparison
        yield f"{pair.question}: {pair.generator_a} against {pair.generator_b}, net share in points"
        yield f"  pooled: {points(each.net)} {_range(each.interval)}{f' ({each.why})' if each.why else ''}"
        for name, rate in each.studies.items():
            yield f"  {name}: {points(rate.net.estimate)} {_range(rate.net.interval)}, {rate.n_ratings:,} ratings"
        if each.q_p is not None:
            yield f"  between studies: Q {each.q:.2f}, p {each.q_p:.3f}"


def _range(interval: Any) -> str:
    return "without an interval" if interval is None else f"({points_range(interval)})"


def _names(studies: Sequence[tuple[Path, str]]) -> list[str]:
    """The studies' names, with their file's where two are called alike."""
    told = [study for _, study in studies]
    return [study if told.count(study) == 1 else f"{study} ({path.name})" for path, study in studies]


def _refuse_other_specifications(checked: Sequence[tuple[Path, Checked]]) -> None:
    first, *others = ((path, shared_part(each.bundle.document(SPECIFICATION))) for path, each in checked)
    for path, own in others:
        found = [each.partition(":")[0] for each in differences(first[1], own)]
        if found:
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            raise BundleError(
                f"{first[0].name} and {path.name} do not replicate each other: their specifications differ in "
                f"{', '.join(found[:NAMED])}{more}. Only studies that share all but name, seed and contact can be "
                "merged."
            )


def _refuse_twice(checked: Sequence[tuple[Path, Checked]]) -> None:
    seen: dict[str, Path] = {}
    for path, each in checked:
        opening, *_ = told = [Link(**line) for line in each.bundle.lines(CHAIN)]
        for name in {opening.head, *contents_of(told).commitments}:
            if name in seen:
                raise BundleError(f"{seen[name].name} and {path.name} are of the same study. Name each study once.")
        seen |= dict.fromkeys({opening.head, *contents_of(told).commitments}, path)
