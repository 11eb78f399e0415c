"""The Frechet distance of a run to a reference, whole: protocol, lists, companions; and a paired test of two runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.words import counted
from evaluation.errors import InputError
from evaluation.metrics.distances.companions import COMPANIONS, companions
from evaluation.metrics.features.jackknife import GROUPS, deal, why_not
from evaluation.metrics.features.moments import Moments
from evaluation.metrics.features.protocols import Precision, Protocol, protocol_by_name
from evaluation.services.scoring.sides import Side, side_named, statistics_root, weight_folders

if TYPE_CHECKING:
    from evaluation.metrics.distances.score import FolderProgress
    from evaluation.metrics.distances.why_differs import Told
    from evaluation.metrics.features.extractor import Extractor
    from evaluation.metrics.features.images import Listing

SCHEMA = "drawbench-fid/1"
PAIRED_SCHEMA = "drawbench-fid-paired/1"


def fid_score(
    *,
    run: str,
    reference: str,
    protocol: str,
    extractor: str,
    weights: Path | None = None,
    device: str | None = None,
    workers: int | None = None,
    wanted: Sequence[str] = COMPANIONS,
    progress: FolderProgress | None = None,
) -> dict[str, Any]:
    """The distance of `run` to `reference` (names as `side_named` takes them), ready for JSON. Renders nothing.

    `extractor`, `weights`, `device`: as `load_extractor` takes them. `wanted`: of `companions.COMPANIONS`.

    Raises:
        InputError: a name that is not there, or a run that is not done.
        MetricError: weights that are missing or wrong, or too few images.
    """
    from evaluation.metrics.distances.score import score_listings

    chosen = protocol_by_name(protocol)
    sides = side_named(run, chosen), side_named(reference, chosen)
    loaded = extractor_loaded(extractor, weights, device)
    found = score_listings(
        sides[0].listing,
        sides[1].listing,
        loaded,
        chosen,
        workers=workers,
        cache=statistics_root(),
        keep_features=bool(wanted),
        progress=progress,
    )
    result: dict[str, Any] = {
        **found.result,
        "schema": SCHEMA,
        "generated": sides[0].record,
        "reference": sides[1].record,
        "deviations": deviations(chosen, *sides),
    }
    return {**result, **(companions(found.first, found.second, loaded.info, wanted) if wanted else {})}


def fid_paired(
    *,
    run_a: str,
    run_b: str,
    reference: str,
    protocol: str,
    extractor: str,
    weights: Path | None = None,
    device: str | None = None,
    workers: int | None = None,
    progress: FolderProgress | None = None,
) -> dict[str, Any]:
    """Is one of two generators nearer to the reference? On the prompts that both have, by the paired jackknife.

    Raises:
        InputError: as `fid_score`, or the runs are of different suites or share no prompts.
    """
    from evaluation.metrics.distances.paired import paired_difference
    from evaluation.metrics.features.pipeline import folder_statistics

    chosen = protocol_by_name(protocol)
    a, b, against = (side_named(name, chosen) for name in (run_a, run_b, reference))
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
    loaded = extractor_loaded(extractor, weights, device)
    groups: list[tuple[Moments, ...]] = []
    shown: list[dict[str, Any]] = []
    for side, paired in ((a, True), (b, True), (against, False)):
        listing = side.listing.only({file for file in side.listing.files if not paired or unit_of(file) in shared})
        made = folder_statistics(
            listing,
            loaded,
            chosen,
            groups=GROUPS,
            group_of=deal([unit_of(file) for file in listing.files], GROUPS) if paired else None,
            workers=workers,
            cache=statistics_root(),
            progress=_for_folder(progress, listing),
        )
        groups.append(made.groups)
        skipped = [{"file": skip.file, "why": skip.why} for skip in made.skipped]
        shown.append({**side.record, "n": made.total().count, "images_sha256": made.images_sha256, "skipped": skipped})
    why = why_not(groups[0], groups[2]) or why_not(groups[1], groups[2])
    return {
        "schema": PAIRED_SCHEMA,
        "name": loaded.info.label,
        "difference": None if why else asdict(paired_difference(*groups)),
        **({"difference_why": why} if why else {}),
        "prompts": len(shared),
        "only_in_a": sorted(prompts_a - shared)[:50],
        "only_in_b": sorted(prompts_b - shared)[:50],
        "a": shown[0],
        "b": shown[1],
        "reference": shown[2],
        "extractor": loaded.info.name,
        "extractor_sha256": loaded.info.sha256,
        "protocol": chosen.manifest(network_size=loaded.info.input_size),
    }


def fid_why_differs(
    *,
    generated: str,
    reference: str,
    start: str,
    end: str,
    to_precision: Precision | None = None,
    to_reference_images: int | None = None,
    to_generated_images: int | None = None,
    extractor: str,
    weights: Path | None = None,
    device: str | None = None,
    workers: int | None = None,
    progress: Told | None = None,
) -> dict[str, Any]:
    """The value under the protocol `start`, under `end`, and what each difference between them moves, as JSON.

    `to_*`: further changes at the end. All of a run's images are taken, however many a protocol means.

    Raises:
        InputError, MetricError: as `fid_score`.
    """
    from evaluation.metrics.distances.why_differs import why_differs

    first = replace(protocol_by_name(start), n_generated=None)
    last = replace(protocol_by_name(end), n_generated=to_generated_images)
    last = replace(last, precision=to_precision or last.precision, n_reference=to_reference_images or last.n_reference)
    whole = replace(first, n_reference=None)
    sides = side_named(generated, whole), side_named(reference, whole)
    if sides[1].record["kind"] != "reference" and to_reference_images is None:
        # A part of a reference is the protocol's business where the reference is the protocol's.
        first, last = replace(first, n_reference=None), replace(last, n_reference=None)
    loaded = extractor_loaded(extractor, weights, device)
    found = why_differs(
        sides[0].listing,
        sides[1].listing,
        loaded,
        first,
        last,
        workers=workers,
        cache=statistics_root(),
        told=progress,
    )
    notes = []
    if "tf32" in (first.precision, last.precision) and loaded.device.type != "cuda":
        notes.append("TF32 exists only on GPUs: this device uses float32.")
    return {**found, "generated": sides[0].record, "reference": sides[1].record, "notes": notes}


def unit_of(file: str) -> str:
    """The prompt that an image is of: its folder's name, or its own without the extension where it has no folder."""
    folder, _, name = file.rpartition("/")
    return folder or name.rpartition(".")[0] or name


def extractor_loaded(name: str, weights: Path | None, device: str | None) -> Extractor:
    """The extractor, its weights looked for where users put them too."""
    from evaluation.metrics.features.extractors import load_extractor

    return load_extractor(name, weights, folders=weight_folders(), device=device)


def deviations(protocol: Protocol, generated: Side, reference: Side) -> list[str]:
    """In what this is not what the protocol means by a published value, in sentences; empty where it is."""
    found = []
    n = len(generated.listing.files)
    if protocol.n_generated is not None and n != protocol.n_generated:
        found.append(f"{counted(n, 'image')} generated, where the protocol has {protocol.generated}")
    if reference.record["kind"] != "reference":
        found.append(f"the reference is not a stored one, where the protocol has {protocol.reference}")
    else:
        drawn: Mapping[str, Any] = reference.record.get("draw") or {}
        suite = generated.record.get("suite", {}).get("version")
        if suite is not None and suite != drawn.get("suite_version"):
            found.append(f"the prompts are not the stored draw of {reference.record['name']}")
        people = (reference.record.get("people") or {}).get("filter", "none")
        if people != "none":
            found.append(f"the reference leaves out people (by {people})")
        if reference.record.get("missing"):
            found.append(f"missing from the reference: {counted(len(reference.record['missing']), 'image')}")
    missing = len(generated.record.get("missing", ()))
    if missing:
        found.append(f"missing from the run: {counted(missing, 'sample')}")
    return found


def _for_folder(progress: FolderProgress | None, listing: Listing) -> Any:
    if progress is None:
        return None
    told = progress
    return lambda done, total: told(listing.folder, done, total)
