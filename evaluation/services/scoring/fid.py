"""The Frechet distance of a run to a reference, whole: protocol, lists, companions; and a paired test of two runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from common.words import counted
from evaluation.errors import InputError
from evaluation.metrics.distances.companions import COMPANIONS, companions
from evaluation.metrics.distances.paired import PairedDifference, paired_difference
from evaluation.metrics.distances.result import FrechetResult
from evaluation.metrics.distances.score import by_second_road, score_listings
from evaluation.metrics.distances.second_road import check_engine
from evaluation.metrics.distances.why_differs import WhyDiffers, why_differs
from evaluation.metrics.features.images import skipped_record
from evaluation.metrics.features.jackknife import GROUPS, deal, why_not
from evaluation.metrics.features.measure import MeasureRecord, MeasureRequest, SideProgress
from evaluation.metrics.features.pipeline import FolderStatistics
from evaluation.metrics.features.protocols import Precision, Protocol, protocol_by_name
from evaluation.services.scoring.measure import measure_loaded
from evaluation.services.scoring.sides import Side, side_named
from evaluation.services.store.places import weight_folders

SCHEMA = "drawbench-fid/1"
PAIRED_SCHEMA = "drawbench-fid-paired/1"

MOST_LISTED = 50
"""Prompts of one run alone that a paired test names."""


@dataclass(frozen=True)
class FidResult:
    """`result`: the distance. `deviations`: in what it is not what the protocol means by a published value.

    `companions`: what stands beside it, as JSON (`companions.companions`).
    """

    result: FrechetResult
    generated: Side
    reference: Side
    deviations: tuple[str, ...]
    companions: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            **self.result.to_dict(),
            "schema": SCHEMA,
            "generated": self.generated.record,
            "reference": self.reference.record,
            "deviations": list(self.deviations),
            **self.companions,
        }


def fid_score(
    *,
    run: str,
    reference: str,
    request: MeasureRequest,
    wanted: Sequence[str] = COMPANIONS,
    engine: str | None = None,
    progress: SideProgress | None = None,
) -> FidResult:
    """The distance of `run` to `reference` (names as `side_named` takes them). Renders nothing.

    `wanted`: of `companions.COMPANIONS`. `engine`: of `second_road.ENGINES`, which computes the distance once more.

    Raises:
        InputError: a name that is not there, or a run that is not done.
        MetricError: weights that are missing or wrong, or too few images.
    """
    protocol = request.checked(weight_folders())
    if engine is not None:
        check_engine(engine, protocol)
    sides = side_named(run, protocol), side_named(reference, protocol)
    measure = measure_loaded(request)
    scored = score_listings(sides[0].listing, sides[1].listing, measure, keep_features=bool(wanted), progress=progress)
    beside = companions(scored.first, scored.second, measure.extractor.info, wanted) if wanted else {}
    listings = sides[0].listing, sides[1].listing
    result = by_second_road(scored, listings, measure, engine, progress=progress)
    return FidResult(result, *sides, tuple(deviations(protocol, *sides)), beside)


@dataclass(frozen=True)
class PairedSide:
    """One side of a paired test: what it is, and the statistics of those of its images that are compared."""

    side: Side
    statistics: FolderStatistics

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            **self.side.record,
            "n": self.statistics.total().count,
            "images_sha256": self.statistics.images_sha256,
            "skipped": skipped_record(self.statistics.skipped),
        }


@dataclass(frozen=True)
class FidPaired:
    """Two runs against one reference. `difference`: None where it can't be had, and then `why` says why.

    `prompts`: how many both runs have. `only_in`: some of those that one alone has, first run's and second's.
    """

    measure: MeasureRecord
    difference: PairedDifference | None
    why: str
    prompts: int
    only_in: tuple[tuple[str, ...], tuple[str, ...]]
    runs: tuple[PairedSide, PairedSide]
    reference: PairedSide

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "schema": PAIRED_SCHEMA,
            "name": self.measure.name,
            "difference": None if self.difference is None else asdict(self.difference),
            **({"difference_why": self.why} if self.why else {}),
            "prompts": self.prompts,
            "only_in_a": list(self.only_in[0]),
            "only_in_b": list(self.only_in[1]),
            "a": self.runs[0].to_dict(),
            "b": self.runs[1].to_dict(),
            "reference": self.reference.to_dict(),
            **self.measure.extractor_record(),
            "protocol": self.measure.protocol,
        }


def fid_paired(
    *, run_a: str, run_b: str, reference: str, request: MeasureRequest, progress: SideProgress | None = None
) -> FidPaired:
    """Is one of two generators nearer to the reference? On the prompts that both have, by the paired jackknife.

    Raises:
        InputError: as `fid_score`, or the runs are of different suites or share no prompts.
    """
    protocol = request.checked(weight_folders())
    a, b, against = (side_named(name, protocol) for name in (run_a, run_b, reference))
    if a.run is not None and b.run is not None and a.run.suite_id != b.run.suite_id:
        raise InputError(
            f"A paired test needs the same prompts, but {a.run.name} uses {a.run.suite} and {b.run.name} uses "
            f"{b.run.suite}. Choose two runs on one suite."
        )
    prompts_a, prompts_b = ({unit_of(file) for file in side.listing.files} for side in (a, b))
    shared = prompts_a & prompts_b
    if len(shared) < GROUPS:
        raise InputError(
            f"A paired test needs {GROUPS} or more common prompts (thousands for a report); {a.title} and {b.title} "
            f"have {len(shared)}. Put the images of a prompt in a folder of its name, or give them the same file names."
        )
    measure = measure_loaded(request)

    def of_shared(side: Side) -> PairedSide:
        listing = side.listing.only({file for file in side.listing.files if unit_of(file) in shared})
        group_of = deal([unit_of(file) for file in listing.files], GROUPS)
        return PairedSide(side, measure.statistics(listing, group_of=group_of, progress=progress))

    runs = of_shared(a), of_shared(b)
    whole = PairedSide(against, measure.statistics(against.listing, progress=progress))
    groups = runs[0].statistics.groups, runs[1].statistics.groups, whole.statistics.groups
    why = why_not(groups[0], groups[2]) or why_not(groups[1], groups[2])
    return FidPaired(
        measure=measure.record(),
        difference=None if why else paired_difference(*groups),
        why=why,
        prompts=len(shared),
        only_in=(tuple(sorted(prompts_a - shared)[:MOST_LISTED]), tuple(sorted(prompts_b - shared)[:MOST_LISTED])),
        runs=runs,
        reference=whole,
    )


@dataclass(frozen=True)
class ProtocolChange:
    """From one protocol to another. `precision`, `reference_images`, `generated_images`: further changes at the end."""

    end: str
    precision: Precision | None = None
    reference_images: int | None = None
    generated_images: int | None = None


@dataclass(frozen=True)
class FidWhyDiffers:
    """`result`: the steps between two protocols' values of the same images. `notes`: sentences on them."""

    result: WhyDiffers
    generated: Side
    reference: Side
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            **self.result.to_dict(),
            "generated": self.generated.record,
            "reference": self.reference.record,
            "notes": list(self.notes),
        }


def fid_why_differs(
    *,
    generated: str,
    reference: str,
    request: MeasureRequest,
    change: ProtocolChange,
    progress: SideProgress | None = None,
) -> FidWhyDiffers:
    """The value under the protocol of `request`, after `change`, and what each difference between them moves.

    All of a run's images are taken, however many a protocol means.

    Raises:
        InputError, MetricError: as `fid_score`.
    """
    first = replace(request.checked(weight_folders()), n_generated=None)
    last = replace(protocol_by_name(change.end), n_generated=change.generated_images)
    last = replace(
        last,
        precision=change.precision or last.precision,
        n_reference=change.reference_images or last.n_reference,
    )
    whole = replace(first, n_reference=None)
    sides = side_named(generated, whole), side_named(reference, whole)
    if sides[1].record["kind"] != "reference" and change.reference_images is None:
        # A part of a reference is the protocol's business where the reference is the protocol's.
        first, last = replace(first, n_reference=None), replace(last, n_reference=None)
    measure = measure_loaded(request).under(first)
    result = why_differs(sides[0].listing, sides[1].listing, measure, last, progress=progress)
    notes = list(result.notes)
    if "tf32" in (first.precision, last.precision) and measure.extractor.device.type != "cuda":
        notes.append("TF32 exists only on GPUs: this device uses float32.")
    return FidWhyDiffers(result, *sides, tuple(notes))


def unit_of(file: str) -> str:
    """The prompt that an image is of: its folder's name, or its own without the extension where it has no folder."""
    folder, _, name = file.rpartition("/")
    return folder or name.rpartition(".")[0] or name


def deviations(protocol: Protocol, generated: Side, reference: Side) -> list[str]:
    """In what this is not what the protocol means by a published value, in sentences; empty where it is."""
    sentences = []
    n = len(generated.listing.files)
    if protocol.n_generated is not None and n != protocol.n_generated:
        sentences.append(f"{counted(n, 'image')} generated, where the protocol has {protocol.generated}")
    if reference.record["kind"] != "reference":
        sentences.append(f"the reference is not a stored one, where the protocol has {protocol.reference}")
    else:
        drawn: Mapping[str, Any] = reference.record.get("draw") or {}
        suite = generated.record.get("suite", {}).get("version")
        if suite is not None and suite != drawn.get("suite_version"):
            sentences.append(f"the prompts are not the stored draw of {reference.record['name']}")
        people = (reference.record.get("people") or {}).get("filter", "none")
        if people != "none":
            sentences.append(f"the reference leaves out people (by {people})")
        if reference.record.get("missing"):
            sentences.append(f"missing from the reference: {counted(len(reference.record['missing']), 'image')}")
    missing = len(generated.record.get("missing", ()))
    if missing:
        sentences.append(f"missing from the run: {counted(missing, 'sample')}")
    return sentences
