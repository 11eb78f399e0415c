"""A folder of images to the moments of their features, in constant memory.

    decoding processes -> prepared pixels -> batches -> network -> float64 moments, one set for each jackknife group

What is computed is addressed by all that it depends on: every file's path and hash, the weights' hash, the protocol,
device and library versions. A cached statistic that is found is therefore right, whatever was done to the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.errors import MetricError
from evaluation.metrics.extractors import Extractor
from evaluation.metrics.images import Decoded, Listing, Skipped, dataset_hash, decode_images, list_images
from evaluation.metrics.moments import Moments, MomentsBuilder, load_moments, merge, save_moments
from evaluation.metrics.protocols import Protocol

Progress = Callable[[int, int], None]
"""Called with files done and files in all."""

Row = NDArray[np.float32]

BATCH = 32
"""Images that pass the network together. Part of the result's last bits, so fixed."""
_VERSION = 1
"""Counts up when the same input gives other statistics."""


@dataclass(frozen=True, eq=False)
class FolderStatistics:
    """`groups`: moments of disjoint parts, all scored images together. `images_sha256`: of paths and file hashes.

    `converted`: files whose pixels had to be changed to be RGB, and how.
    """

    groups: tuple[Moments, ...]
    skipped: tuple[Skipped, ...]
    converted: tuple[tuple[str, str], ...]
    images_sha256: str

    def total(self) -> Moments:
        """The moments of all scored images."""
        return merge(self.groups)


def folder_statistics(
    folder: Path,
    extractor: Extractor,
    protocol: Protocol,
    *,
    groups: int = 1,
    workers: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> FolderStatistics:
    """The statistics of all images below `folder`.

    `groups`: parts for the jackknife (`jackknife_groups`). `workers`: decoding processes, one a processor up to
    16 unless given, fewer for few images. `cache`: a folder where results are kept by content.

    Raises:
        MetricError: there is no image in the folder.
    """
    listing = list_images(folder)
    workers = workers or _workers(len(listing.files))
    if cache is None:
        return _score(listing, extractor, protocol, groups, workers, progress)[0]
    hashes = _file_hashes(listing)
    path = cache / f"{_key(hashes, extractor, protocol, groups)}.npz"
    found = _cached(path, listing)
    if found is not None:
        return found
    made, seen = _score(listing, extractor, protocol, groups, workers, progress)
    if seen == hashes:  # else the folder changed while it was read, or a decoder failed for reasons of its own
        save_moments(made.groups, path, _record(made, listing))
    return made


def _workers(files: int) -> int:
    """A decoder takes about 4 ms an image, and a tenth of a second to start."""
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        processors = os.cpu_count() or 1
    return max(1, min(16, processors, files // 16))


def jackknife_groups(files: Sequence[str], groups: int) -> list[int]:
    """For each file the group (0 to `groups` - 1) it belongs to; the same for the same names, whatever their order.

    Images of one prompt hang together, so that a folder (as in `00012/3.png`) stays whole where there are at least five
    folders a group. Units are dealt out in the order of a hash of their names.
    """
    parents = [file.rpartition("/")[0] for file in files]
    units = parents if len(set(parents)) >= 5 * groups else list(files)
    ordered = sorted(set(units), key=lambda unit: hashlib.sha256(unit.encode(errors="surrogateescape")).digest())
    place = {unit: i % groups for i, unit in enumerate(ordered)}
    return [place[unit] for unit in units]


def _score(
    listing: Listing, extractor: Extractor, protocol: Protocol, groups: int, workers: int, progress: Progress | None
) -> tuple[FolderStatistics, dict[str, str]]:
    """The statistics, and each file's hash as it was decoded."""
    group_of = dict(zip(listing.files, jackknife_groups(listing.files, groups), strict=True))
    builders = [MomentsBuilder(extractor.info.features) for _ in range(groups)]
    skipped = list(listing.skipped)
    converted: list[tuple[str, str]] = []
    seen: dict[str, str] = {}
    batch: list[Decoded] = []
    # Where a protocol counts whole batches only, the rows of a batch are held back until it is whole.
    held: list[tuple[str, Row]] = []

    def pass_on() -> None:
        features = extractor.features_of([image.pixels for image in batch], protocol)
        held.extend(zip([image.file for image in batch], features, strict=True))
        batch.clear()
        whole = len(held) if protocol.drop_last is None else len(held) - len(held) % protocol.drop_last
        for group, builder in enumerate(builders):
            rows = [row for file, row in held[:whole] if group_of[file] == group]
            if rows:
                builder.add(np.stack(rows))
        del held[:whole]

    images = decode_images(listing, protocol.recipe, extractor.info.input_size, workers=workers)
    with closing(images):  # an error or Ctrl-C here ends the decoding processes there
        for done, image in enumerate(images, start=1):
            seen[image.file] = image.sha256
            if isinstance(image, Skipped):
                skipped.append(image)
            else:
                converted.extend((image.file, note) for note in image.notes)
                batch.append(image)
                if len(batch) == BATCH:
                    pass_on()
            if progress is not None:
                progress(done, len(listing.files))
    if batch:
        pass_on()
    why = f"in the last part batch of {protocol.drop_last} images, which {protocol.name} drops"
    skipped.extend(Skipped(file, why, seen[file]) for file, _ in held)
    left_out = {skip.file for skip in skipped}
    return (
        FolderStatistics(
            groups=tuple(builder.moments() for builder in builders),
            skipped=tuple(skipped),
            converted=tuple(converted),
            images_sha256=dataset_hash({file: sha for file, sha in seen.items() if file not in left_out}),
        ),
        seen,
    )


def _key(hashes: Mapping[str, str], extractor: Extractor, protocol: Protocol, groups: int) -> str:
    import PIL
    import torch

    device = extractor.device.type
    if device == "cuda":
        device = torch.cuda.get_device_name(extractor.device)
    parts = {
        "version": _VERSION,
        "images": dataset_hash(hashes),
        "extractor": [extractor.info.name, extractor.info.sha256],
        "protocol": protocol.manifest(network_size=extractor.info.input_size),
        "groups": groups,
        "batch": BATCH,
        "device": device,
        "libraries": [PIL.__version__, torch.__version__, np.__version__],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _file_hashes(listing: Listing) -> dict[str, str]:
    hashes = {}
    for file in listing.files:
        path, hashes[file] = listing.folder / file, ""
        try:
            if path.is_file():  # a pipe would never end
                with path.open("rb") as opened:
                    hashes[file] = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError:
            continue  # named as skipped when it is decoded
    return hashes


def _record(made: FolderStatistics, listing: Listing) -> dict[str, object]:
    below = [asdict(skip) for skip in made.skipped if skip not in listing.skipped]
    return {"skipped": below, "converted": [list(pair) for pair in made.converted], "images_sha256": made.images_sha256}


def _cached(path: Path, listing: Listing) -> FolderStatistics | None:
    if not path.is_file():
        return None
    try:
        groups, record = load_moments(path)
        skipped = [Skipped(**entry) for entry in _dicts(record["skipped"])]
        converted = [(str(file), str(how)) for file, how in _pairs(record["converted"])]
        return FolderStatistics(
            tuple(groups), (*listing.skipped, *skipped), tuple(converted), str(record["images_sha256"])
        )
    except (MetricError, KeyError, TypeError, ValueError):
        return None  # damaged: made anew, and replaced


def _dicts(value: object) -> list[dict[str, str]]:
    return value if isinstance(value, list) else []


def _pairs(value: object) -> list[tuple[object, object]]:
    return [(pair[0], pair[1]) for pair in value] if isinstance(value, list) else []
