"""COCO loaded: its captions as suites, its images as a reference by name, and the reference's statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from common.words import counted
from evaluation.errors import InputError
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features import coco
from evaluation.metrics.features.images import Listing, file_hashes
from evaluation.metrics.features.measure import MeasureRequest, SideProgress
from evaluation.metrics.features.pipeline import FolderStatistics
from evaluation.metrics.features.references import Reference, save_reference
from evaluation.models import Suite
from evaluation.services.scoring.measure import measure_loaded
from evaluation.services.store.places import references_folder, weight_folders
from evaluation.services.suites.save import suite_errors, suite_store
from evaluation.suites.build import Row, build_suite

LICENCE = "COCO annotations: CC BY 4.0 (cocodataset.org)"


@dataclass(frozen=True)
class CocoLoaded:
    """`suites`: of all captions and of the draw (the same where there are no more). `statistics`: None if not asked."""

    reference: Reference
    is_new: bool
    suites: tuple[Suite, ...]
    suites_new: tuple[bool, ...]
    statistics: FolderStatistics | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class CocoRequest:
    """What to load of COCO. `annotations`, `images`: its caption file, and the folder of its images.

    `name`: of the reference and of the suite of all captions; the annotation file's split unless given. `captions`:
    "one" an image (the one with the lowest id) or "all". `no_people`: leave out what shows people, by `instances`
    where given, by the captions' words otherwise. `draw`: captions drawn for the suite that runs are rendered on.
    `measure`: of the statistics; no statistics with None. `allow_missing`: take the images that are there. `replace`:
    over another reference of that name.
    """

    annotations: Path
    images: Path
    name: str = ""
    captions: Literal["one", "all"] = "one"
    no_people: bool = False
    instances: Path | None = None
    draw: int = coco.DRAW
    measure: MeasureRequest | None = None
    allow_missing: bool = False
    replace: bool = False


def coco_load(request: CocoRequest, *, progress: SideProgress | None = None) -> CocoLoaded:
    """Check COCO's caption file and images, and store them as suites and as a reference.

    The same again changes nothing, and goes on where it was interrupted.

    Raises:
        InputError: images are missing and `allow_missing` is False, no caption is left, or a name is taken.
        MetricError: the files are not what they should be, or weights are missing.
    """
    if request.draw < 1:
        raise InputError(f"--draw must be 1 or more; got {request.draw}.")
    if request.instances is not None and not request.no_people:
        raise InputError("--instances says which images show people. Use it together with --no-people.")
    if request.measure is not None:
        request.measure.checked(weight_folders())
    annotations, images = request.annotations, request.images
    read = coco.read_annotations(annotations)
    rows, notes = coco.rows_of(read, request.captions)
    name = request.name or _name_of(annotations, request.no_people)
    people, files = _people(read, rows, request.no_people, request.instances)
    kept = coco.without_people(rows, people.ids) if request.no_people else rows
    checked = coco.check_folder(read, images, files)
    if checked.missing and not request.allow_missing:
        raise InputError(
            f"{images} lacks {len(checked.missing):,} of {counted(len(files), 'image')}: "
            f"{', '.join(checked.missing[:5])}{' ...' if len(checked.missing) > 5 else ''}. Add the missing images, or "
            "use --allow-missing to load the rest.",
            details={"missing": list(checked.missing)},
        )
    there = set(checked.present)
    kept = [row for row in kept if row.attributes["image"] in there]
    if not kept:
        without = " without people" if request.no_people else ""
        raise InputError(f"{annotations.name} has no captions{without}. Give another caption file.")
    # Before anything is stored: weights that are missing are told now.
    measure = None if request.measure is None else measure_loaded(request.measure)
    if checked.resized:
        examples = ", ".join(f"{file} ({how})" for file, how in checked.resized[:3])
        notes.append(
            f"{len(checked.resized):,} images do not have the size that is annotated, so they were resized or are "
            f"others: {examples}. Values against them compare with none that are published."
        )
    drawn = coco.draw(kept, request.draw, request.captions)
    draw_name = _draw_name(name, len(drawn), len(kept))
    suites = [_store(kept, name, f"all captions of {annotations.name}")]
    if len(drawn) < len(kept):
        suites.append(_store(drawn, draw_name, f"{len(drawn):,} captions of {annotations.name} by {coco.DRAW_RULE}"))
    else:
        notes.append(f"All {len(kept):,} captions are drawn: there are no more than {request.draw:,}.")
    hashes = _hashes(images, checked.present, progress)
    rule = "the lowest id of each image" if request.captions == "one" else "all"
    reference, is_new = save_reference(
        references_folder(),
        name,
        folder=images,
        hashes=hashes,
        manifest={
            "source": "COCO (Lin et al. 2014)",
            "annotations": {"file": annotations.name, "sha256": read.sha256},
            "captions": {"choice": request.captions, "rule": rule},
            "people": people.record,
            "draw": {
                "captions": len(drawn),
                "of": len(kept),
                "rule": coco.DRAW_RULE,
                "rule_told": coco.DRAW_TOLD[request.captions],
                "file": "draw.tsv",
                "suite": suites[-1][0].name,
                "suite_version": suites[-1][0].version_hash,
            },
            "missing": list(checked.missing),
            "resized": len(checked.resized),
        },
        lists={"draw.tsv": coco.draw_list(drawn)},
        replace=request.replace,
    )
    statistics = None
    if measure is not None:
        listing = reference.listing(measure.protocol.n_reference)
        statistics = measure.statistics(listing, keep_features=True, progress=progress, called="scored")
    return CocoLoaded(
        reference,
        is_new,
        tuple(suite for suite, _ in suites),
        tuple(new for _, new in suites),
        statistics,
        tuple(notes),
    )


@dataclass(frozen=True)
class _People:
    """`ids`: images that show people, where instances say so. `record`: for the manifest."""

    ids: frozenset[int] | None
    record: dict[str, Any]


def _people(
    read: coco.Annotations, rows: Sequence[Row], no_people: bool, instances: Path | None
) -> tuple[_People, list[str]]:
    """How people are left out, and the images that belong to the reference."""
    files = sorted(read.ids)
    if not no_people:
        return _People(None, {"filter": "none"}), files
    if instances is not None:
        ids, sha256 = coco.read_people(instances)
        record: dict[str, Any] = {
            "filter": "instances",
            "rule": "no instance of the category person in the image, crowds included",
            "file": instances.name,
            "sha256": sha256,
        }
        kept = [file for file in files if read.ids[file] not in ids]
        return _People(ids, {**record, "images_left_out": len(files) - len(kept)}), kept
    wanted = {str(row.attributes["image"]) for row in coco.without_people(rows, None)}
    record = {
        "filter": "captions",
        "rule": "a caption with none of the words for people of Saharia et al. 2022, section 4.2; an image with such",
        "images_left_out": len(files) - len(wanted),
    }
    return _People(None, record), sorted(wanted)


def _store(rows: Sequence[Row], name: str, source: str) -> tuple[Suite, bool]:
    with suite_errors():
        data = build_suite(rows, name=name, source_format="coco")
    found = suite_store(data=data, name=name, title=f"COCO captions, {name}", source=source, licence=LICENCE)
    return found.suite, found.created


def _hashes(folder: Path, files: Sequence[str], progress: SideProgress | None) -> dict[str, str]:
    """SHA-256 of each image; reading them takes a while, so it is told."""
    found: dict[str, str] = {}
    for start in range(0, len(files), 256):
        found |= file_hashes(Listing(folder, tuple(files[start : start + 256])))
        if progress is not None:
            progress("hashed", len(found), len(files))
    unreadable = [file for file, sha in found.items() if not sha]
    if unreadable:
        raise MetricError(
            f"Can't read {counted(len(unreadable), 'file')} in {folder}, e.g. {unreadable[0]}. Check its permissions."
        )
    return found


def _name_of(annotations: Path, no_people: bool) -> str:
    """captions_val2014.json -> coco-val2014."""
    split = annotations.stem.removeprefix("captions_")
    return f"coco-{split}{'-no-people' if no_people else ''}"


def _draw_name(name: str, drawn: int, of: int) -> str:
    if drawn == of:
        return name
    return f"{name}-{drawn // 1000}k" if drawn % 1000 == 0 else f"{name}-{drawn}"
