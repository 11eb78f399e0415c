"""COCO loaded: its captions as suites, its images as a reference by name, and the reference's statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from common.words import counted
from evaluation.errors import InputError
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features import coco
from evaluation.metrics.features.extractors import extractor_by_name
from evaluation.metrics.features.images import Listing, file_hashes
from evaluation.metrics.features.jackknife import GROUPS
from evaluation.metrics.features.protocols import protocol_by_name
from evaluation.metrics.features.references import Reference, save_reference
from evaluation.models import Suite
from evaluation.services.scoring.fid import extractor_loaded
from evaluation.services.scoring.sides import references_root, statistics_root
from evaluation.services.suites.save import suite_errors, suite_store
from evaluation.suites.build import Row, build_suite

if TYPE_CHECKING:
    from evaluation.metrics.features.pipeline import FolderStatistics

Progress = Callable[[str, int, int], None]
"""Called with what is being done, files done, and files in all."""

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


def coco_load(
    *,
    annotations: Path,
    images: Path,
    name: str = "",
    captions: Literal["one", "all"] = "one",
    no_people: bool = False,
    instances: Path | None = None,
    draw: int = coco.DRAW,
    protocol: str | None = None,
    extractor: str = "",
    weights: Path | None = None,
    device: str | None = None,
    workers: int | None = None,
    allow_missing: bool = False,
    replace: bool = False,
    progress: Progress | None = None,
) -> CocoLoaded:
    """Check COCO's caption file and images, and store them as suites and as a reference.

    `name`: of the reference and of the suite of all captions; the annotation file's split unless given. `captions`:
    "one" an image (the one with the lowest id) or "all". `no_people`: leave out what shows people, by `instances`
    where given, by the captions' words otherwise. `draw`: captions drawn for the suite that runs are rendered on.
    `protocol`, `extractor`: of the statistics; no statistics with `protocol` None. The same again changes nothing, and
    goes on where it was interrupted.

    Raises:
        InputError: images are missing and `allow_missing` is False, no caption is left, or a name is taken.
        MetricError: the files are not what they should be, or weights are missing.
    """
    if draw < 1:
        raise InputError(f"--draw must be 1 or more; got {draw}.")
    if instances is not None and not no_people:
        raise InputError("--instances says which images show people. Use it together with --no-people.")
    chosen = None if protocol is None else protocol_by_name(protocol)
    info = None if chosen is None else extractor_by_name(extractor)
    read = coco.read_annotations(annotations)
    rows, notes = coco.rows_of(read, captions)
    name = name or _name_of(annotations, no_people)
    people, files = _people(read, rows, no_people, instances)
    kept = coco.without_people(rows, people.ids) if no_people else rows
    checked = coco.check_folder(read, images, files)
    if checked.missing and not allow_missing:
        raise InputError(
            f"{images} lacks {len(checked.missing):,} of {counted(len(files), 'image')}: "
            f"{', '.join(checked.missing[:5])}{' ...' if len(checked.missing) > 5 else ''}. Add the missing images, or "
            "use --allow-missing to load the rest.",
            details={"missing": list(checked.missing)},
        )
    there = set(checked.present)
    kept = [row for row in kept if row.attributes["image"] in there]
    if not kept:
        raise InputError(
            f"{annotations.name} has no captions{' without people' if no_people else ''}. Give another caption file."
        )
    loaded = None if info is None else extractor_loaded(extractor, weights, device)
    if checked.resized:
        told = ", ".join(f"{file} ({how})" for file, how in checked.resized[:3])
        notes.append(
            f"{len(checked.resized):,} images do not have the size that is annotated, so they were resized or are "
            f"others: {told}. Values against them compare with none that are published."
        )
    drawn = coco.draw(kept, draw, captions)
    draw_name = _draw_name(name, len(drawn), len(kept))
    suites = [_store(kept, name, f"all captions of {annotations.name}")]
    if len(drawn) < len(kept):
        suites.append(_store(drawn, draw_name, f"{len(drawn):,} captions of {annotations.name} by {coco.DRAW_RULE}"))
    else:
        notes.append(f"All {len(kept):,} captions are drawn: there are no more than {draw:,}.")
    hashes = _hashes(images, checked.present, progress)
    reference, is_new = save_reference(
        references_root(),
        name,
        folder=images,
        hashes=hashes,
        manifest={
            "source": "COCO (Lin et al. 2014)",
            "annotations": {"file": annotations.name, "sha256": read.sha256},
            "captions": {"choice": captions, "rule": "the lowest id of each image" if captions == "one" else "all"},
            "people": people.record,
            "draw": {
                "captions": len(drawn),
                "of": len(kept),
                "rule": coco.DRAW_RULE,
                "rule_told": coco.DRAW_TOLD[captions],
                "file": "draw.tsv",
                "suite": suites[-1][0].name,
                "suite_version": suites[-1][0].version_hash,
            },
            "missing": list(checked.missing),
            "resized": len(checked.resized),
        },
        lists={"draw.tsv": coco.draw_list(drawn)},
        replace=replace,
    )
    statistics = None
    if chosen is not None and loaded is not None:
        from evaluation.metrics.features.pipeline import folder_statistics

        statistics = folder_statistics(
            reference.listing(chosen.n_reference),
            loaded,
            chosen,
            groups=GROUPS,
            workers=workers,
            cache=statistics_root(),
            keep_features=True,
            progress=None if progress is None else lambda done, total: progress("scored", done, total),
        )
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


def _hashes(folder: Path, files: Sequence[str], progress: Progress | None) -> dict[str, str]:
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
