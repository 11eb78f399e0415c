"""COCO's annotation files and folders of images: what is in them, whether it is whole, and which captions are drawn.

Lin et al. (2014). No list of 30,000 captions is canonical: every paper drew its own, and the draw moves the value. Ours
is a rule that anyone can repeat from the annotation file, stored as a list with its hash when COCO is loaded.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.hashes import bytes_sha256
from evaluation.metrics.errors import MetricError
from evaluation.suites.build import Row
from evaluation.suites.decode import check_size, decode, read_bytes
from evaluation.suites.objects import Captions, load_json, rows_of_coco
from evaluation.suites.types import JsonValue, SuiteError

DRAW_RULE = "drawbench-coco-draw/1"
DRAW_TOLD = {
    "one": f'the images whose SHA-256 of "{DRAW_RULE} <image id>" comes first, each with its caption of the lowest id',
    "all": f'the captions whose SHA-256 of "{DRAW_RULE} <image id> <caption id>" comes first',
}
DRAW = 30_000
"""Captions that the protocols in use draw from COCO."""

Kind = Literal["captions", "instances", "keypoints", "panoptic", "images alone"]
_WHAT = {
    "captions": "captions (captions_*.json)",
    "instances": "instances: outlines and categories of objects (instances_*.json)",
    "keypoints": "key points of persons (person_keypoints_*.json)",
    "panoptic": "panoptic segments (panoptic_*.json)",
    "images alone": "images without annotations (image_info_*.json); those of the test sets are not published",
}


@dataclass(frozen=True)
class Annotations:
    """A caption file. `ids`: of the images, by file name. `sizes`: their width and height as annotated, or (0, 0)."""

    path: Path
    sha256: str
    value: JsonValue
    sizes: Mapping[str, tuple[int, int]]
    ids: Mapping[str, int]


@dataclass(frozen=True)
class Checked:
    """What a folder has of the images. `resized`: files whose size is not the annotated one, and how they differ."""

    present: tuple[str, ...]
    missing: tuple[str, ...]
    resized: tuple[tuple[str, str], ...]


def read_annotations(path: Path) -> Annotations:
    """The caption file at `path`.

    Raises:
        MetricError: it can't be read, or holds something else than captions; it is told what.
    """
    value, sha256 = _read(path)
    _expect(value, path, "captions")
    assert isinstance(value, dict)  # _expect has looked
    sizes: dict[str, tuple[int, int]] = {}
    ids: dict[str, int] = {}
    images = value["images"]
    for image in images if isinstance(images, list) else []:
        name = image.get("file_name") if isinstance(image, dict) else None
        number = image.get("id") if isinstance(image, dict) else None
        if not isinstance(image, dict) or not isinstance(name, str) or not isinstance(number, int):
            raise MetricError(f"{path.name}: an image without id or file name ({str(image)[:80]}).")
        if "/" in name or "\\" in name or name.startswith("."):
            raise MetricError(f"{path.name}: an image's file name is a path ({name[:80]!r}); it is one name.")
        if name in ids:
            raise MetricError(f"{path.name}: the image {name!r} is listed twice.")
        width, height = image.get("width"), image.get("height")
        sizes[name] = (width, height) if isinstance(width, int) and isinstance(height, int) else (0, 0)
        ids[name] = number
    if not ids:
        raise MetricError(f"{path.name} lists no images.")
    return Annotations(path, sha256, value, sizes, ids)


def read_people(path: Path) -> tuple[frozenset[int], str]:
    """Ids of the images in which the instances file at `path` has a person (crowds included), and the file's SHA-256.

    Raises:
        MetricError: it can't be read, or holds something else than instances with a category "person".
    """
    value, sha256 = _read(path)
    _expect(value, path, "instances")
    assert isinstance(value, dict)
    categories, annotations = value.get("categories"), value["annotations"]
    person = {
        category.get("id")
        for category in (categories if isinstance(categories, list) else [])
        if isinstance(category, dict) and category.get("name") == "person"
    }
    if not person:
        raise MetricError(f"{path.name} has no category person, so it can't say which images have people.")
    found: set[int] = set()
    for item in annotations if isinstance(annotations, list) else []:
        image = item.get("image_id") if isinstance(item, dict) and item.get("category_id") in person else None
        if isinstance(image, int):
            found.add(image)
    return frozenset(found), sha256


def rows_of(annotations: Annotations, captions: Captions) -> tuple[list[Row], list[str]]:
    """The captions as rows of a suite, by image id and caption id, and what there is to say of them.

    Raises:
        MetricError: an annotation that is none.
    """
    try:
        return rows_of_coco(annotations.value, captions)
    except SuiteError as error:
        raise MetricError(f"{annotations.path.name}: {error}") from error


def without_people(rows: Sequence[Row], people: frozenset[int] | None) -> list[Row]:
    """The rows without people: by the images that have some, or else by the words of the caption (Imagen's list)."""
    if people is not None:
        return [row for row in rows if row.attributes["image_id"] not in people]
    return [row for row in rows if not row.attributes["people"]]


def draw(rows: Sequence[Row], count: int, captions: Captions) -> list[Row]:
    """`count` of `rows` by `DRAW_RULE`, in the rows' own order; all where there are no more."""

    def place(row: Row) -> bytes:
        which = f"{row.attributes['image_id']}"
        if captions == "all":
            which += f" {row.attributes['caption_id']}"
        return hashlib.sha256(f"{DRAW_RULE} {which}".encode()).digest()

    kept = {id(row) for row in sorted(rows, key=place)[:count]}
    return [row for row in rows if id(row) in kept]


def draw_list(rows: Sequence[Row]) -> bytes:
    """A draw as the file that is stored: a line an image id, caption id and image file."""
    lines = [
        f"{row.attributes['image_id']}\t{row.attributes['caption_id']}\t{row.attributes['image']}\n" for row in rows
    ]
    return "".join(lines).encode()


def check_folder(annotations: Annotations, folder: Path, files: Sequence[str]) -> Checked:
    """Which of `files` lie in `folder`, and whether they have the size that is annotated (by their headers alone).

    Raises:
        MetricError: there is no such folder, or it has none of them.
    """
    from PIL import Image

    if not folder.is_dir():
        raise MetricError(f"There is no folder {folder}. Give the one with COCO's images, such as val2014/.")
    there = {path.name for path in folder.iterdir()}
    present = tuple(file for file in files if file in there)
    if not present:
        others = Counter(name.rpartition("_")[0] for name in there if name.lower().endswith((".jpg", ".jpeg", ".png")))
        seen = f"; its images are called {others.most_common(1)[0][0] or sorted(there)[0]}..." if others else ""
        raise MetricError(f"{folder} has none of the {len(files):,} images, such as {files[0]}{seen}.")
    resized = []
    for file in present:
        wanted = annotations.sizes[file]
        try:
            with Image.open(folder / file) as image:
                found = image.size
        except Exception:  # named as damaged when it is decoded
            continue
        if wanted != (0, 0) and found != wanted:
            resized.append((file, f"{found[0]} x {found[1]}, annotated {wanted[0]} x {wanted[1]}"))
    return Checked(present, tuple(file for file in files if file not in there), tuple(resized))


def _read(path: Path) -> tuple[JsonValue, str]:
    try:
        data = read_bytes(path)
        check_size(data)
        return load_json(decode(data)), bytes_sha256(data)
    except SuiteError as error:
        raise MetricError(f"{path.name}: {error}") from error


def _expect(value: JsonValue, path: Path, wanted: Kind) -> None:
    kind = _kind(value)
    if kind is None:
        raise MetricError(
            f'{path.name} is not a COCO annotation file, which is an object with "images" and "annotations".'
        )
    if kind != wanted:
        raise MetricError(f"{path.name} holds {_WHAT[kind]}. Here it takes {_WHAT[wanted]}.")


def _kind(value: JsonValue) -> Kind | None:
    if not isinstance(value, dict) or not isinstance(value.get("images"), list):
        return None
    annotations = value.get("annotations")
    if not isinstance(annotations, list):
        return "images alone" if annotations is None else None
    first = annotations[0] if annotations else {}
    if not isinstance(first, dict):
        return None
    if "caption" in first:
        return "captions"
    if "keypoints" in first:
        return "keypoints"
    if "segments_info" in first:
        return "panoptic"
    return "instances" if "category_id" in first else "captions" if not annotations else None
