"""References by name: which images runs are compared with, told by their hashes, and where their statistics lie.

A reference is a folder `<root>/<name>/` with `reference.json` (the manifest), `images.tsv` (each image's name and
SHA-256) and whatever lists belong to it (`draw.tsv`). The images themselves stay where they are. Statistics lie in the
cache by content, so a reference whose images were deleted can be compared with as before, and one whose images were
changed is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.files import write_whole
from common.hashes import bytes_sha256, files_hash, hash_of
from common.words import nearest
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.images import Listing, list_images, listing_of
from evaluation.metrics.spec import ScoredImage

SCHEMA = "drawbench-reference/1"
MANIFEST = "reference.json"
IMAGES = "images.tsv"

PART_RULE = "drawbench-reference-part/1"
"""A part of n images: those whose SHA-256 of "drawbench-reference-part/1 <file>" comes first."""


@dataclass(frozen=True)
class Reference:
    """`place`: its folder of lists. `folder`: where its images lie (or lay). `hashes`: of each image, by its name."""

    name: str
    place: Path
    folder: Path
    hashes: Mapping[str, str]
    manifest: Mapping[str, Any]

    def listing(self, count: int | None = None) -> Listing:
        """Its images, or `count` of them drawn by `PART_RULE`, ready to be scored."""
        files = part_of(tuple(self.hashes), count)
        return Listing(self.folder, tuple(sorted(files)), hashes=self.hashes)


def part_of(files: Sequence[str], count: int | None) -> Sequence[str]:
    """`count` of `files`, always the same ones (`PART_RULE`); all where there are no more."""
    if count is None or count >= len(files):
        return files

    def place(file: str) -> bytes:
        return hashlib.sha256(f"{PART_RULE} {file}".encode(errors="surrogateescape")).digest()

    return sorted(files, key=place)[:count]


def save_reference(
    root: Path,
    name: str,
    *,
    folder: Path,
    hashes: Mapping[str, str],
    manifest: Mapping[str, object],
    lists: Mapping[str, bytes] | None = None,
    replace: bool = False,
) -> tuple[Reference, bool]:
    """Store a reference; returns it, and whether it is new. The same again is the same, though its folder may move.

    `hashes`: SHA-256 of each image, by its name below `folder`. `manifest`: what it is, as JSON. `lists`: further
    files that belong to it, by name; their hashes go into the manifest. `replace`: over another of that name.

    Raises:
        MetricError: a name that can't be used, no images, or another reference has the name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise MetricError(
            f"A reference can't be called {name!r}: 1 to 100 letters, digits, -, _ and dots, such as coco-val2014."
        )
    if not hashes:
        raise MetricError("A reference needs images; there are none. Give a folder with images.")
    files = {IMAGES: "".join(f"{file}\t{sha}\n" for file, sha in sorted(hashes.items())).encode(), **(lists or {})}
    identity = {
        "schema": SCHEMA,
        "name": name,
        **manifest,
        "images": {"count": len(hashes), "sha256": files_hash(hashes)},
        "lists": {file: bytes_sha256(data) for file, data in sorted(files.items())},
    }
    sha256 = hash_of(identity, spaced=True)
    place = root / name
    is_new = True
    if (place / MANIFEST).is_file():
        there = load_reference(root, name)
        is_new = there.manifest["sha256"] != sha256
        if is_new and not replace:
            raise MetricError(
                f"There is another reference {name}: of {len(there.hashes):,} images, {there.manifest['sha256'][:8]}, "
                f"where this one has {len(hashes):,}, {sha256[:8]}. Give this one another name, or say that it "
                f"replaces the other (--replace)."
            )
        if is_new:
            shutil.rmtree(place)
    for file, data in files.items():
        write_whole(place / file, data)
    # Last: a reference whose manifest is there is whole.
    told = {**identity, "sha256": sha256, "folder": str(folder.absolute())}
    write_whole(place / MANIFEST, json.dumps(told, indent=1, ensure_ascii=False).encode())
    return load_reference(root, name), is_new


def load_reference(root: Path, name: str) -> Reference:
    """The reference called `name`.

    Raises:
        MetricError: there is none, with the nearest name; or its lists are not what its manifest says.
    """
    names = reference_names(root)
    if name not in names:
        hint = nearest(name, names) or "."
        there = f"There are: {', '.join(names)}." if names else "None is stored here; manage.py load_coco makes one."
        raise MetricError(f"There is no reference {name!r}{hint} {there}")
    return reference_at(root / name)


def reference_at(place: Path) -> Reference:
    """The reference whose lists lie in the folder `place`.

    Raises:
        MetricError: there is none, or its lists are not what its manifest says.
    """
    try:
        manifest = json.loads((place / MANIFEST).read_bytes())
        data = (place / IMAGES).read_bytes()
        rows = [line.rsplit("\t", 1) for line in data.decode(errors="surrogateescape").split("\n") if line]
        hashes = {row[0]: row[1] for row in rows}
        wanted = manifest["lists"][IMAGES]
        folder, name = Path(manifest["folder"]), manifest["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MetricError(f"The reference in {place} can't be read ({error!r}). Make it anew.") from None
    if bytes_sha256(data) != wanted:
        raise MetricError(f"{place / IMAGES} was changed since the reference was made. Make it anew.")
    return Reference(name, place, folder, hashes, manifest)


def reference_names(root: Path) -> list[str]:
    """The names of all references, sorted."""
    return sorted(path.parent.name for path in root.glob(f"*/{MANIFEST}"))


def images_of(source: Sequence[ScoredImage] | Path, title: str) -> Listing:
    """A run's images, a stored reference's (the folder of its lists) or a folder's, as the pipeline takes them.

    Raises:
        MetricError: there are none.
    """
    if isinstance(source, Path):
        return reference_at(source).listing() if (source / MANIFEST).is_file() else list_images(source)
    return listing_of({image.key: image.path for image in source}, folder=Path(title))
