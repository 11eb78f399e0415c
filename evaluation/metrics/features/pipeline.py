"""A folder of images, or any list of them, to the statistics of their features, kept by content.

What is computed is addressed by all that it depends on: every file's name and hash, the weights' hash, the protocol,
device and library versions. A statistic that is found is therefore right, whatever was done to the folder since. What
is interrupted goes on where it was: a long list is scored in shards (`shards`), which stay until they are merged.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from common.files import move_whole
from common.hashes import files_hash, hash_of
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.extractor import Extractor
from evaluation.metrics.features.images import Listing, Skipped, default_workers, list_images
from evaluation.metrics.features.jackknife import jackknife_groups
from evaluation.metrics.features.moments import Moments, load_moments, merge, save_moments
from evaluation.metrics.features.parts import (
    BATCH,
    GPU_BATCH,
    Part,
    Progress,
    Stretch,
    join_parts,
    part_from,
    score_part,
)
from evaluation.metrics.features.protocols import Protocol
from evaluation.metrics.features.shard_plan import ShardPlan, make_plan, write_plan
from evaluation.metrics.features.shards import made_with, merge_shards, merged_features, score_shard

SHARD = 4096
"""Images scored between two points from which an interrupted run can go on; a multiple of both batches."""


@dataclass(frozen=True, eq=False)
class FolderStatistics:
    """`folder`: what messages call the images. `groups`: moments of disjoint parts, all scored images together.

    `images_sha256`: of names and file hashes.
    `scored`: the files that count and their hashes, in order. `converted`: files whose pixels had to be changed to be
    RGB, and how. `features`: where the row of each scored file lies (`features.read_features`), if kept.
    """

    folder: Path
    groups: tuple[Moments, ...]
    skipped: tuple[Skipped, ...]
    converted: tuple[tuple[str, str], ...]
    images_sha256: str
    scored: Mapping[str, str]
    features: Path | None = None

    def total(self) -> Moments:
        """The moments of all scored images."""
        return merge(self.groups)


@dataclass(frozen=True)
class Division:
    """How a list of images is divided.

    `groups`: parts for the jackknife; `group_of`: the part of each file (`jackknife_groups` unless given). `shard`:
    images scored between two points from which an interrupted run goes on, `SHARD` unless given; the result is the same
    for any.
    """

    groups: int = 1
    group_of: Sequence[int] | None = None
    shard: int | None = None

    def group_of_each(self, listing: Listing) -> Sequence[int]:
        """The part of each file of `listing`."""
        return jackknife_groups(listing.files, self.groups) if self.group_of is None else self.group_of


WHOLE = Division()


def folder_statistics(
    folder: Path | Listing,
    extractor: Extractor,
    protocol: Protocol,
    division: Division = WHOLE,
    *,
    workers: int | None = None,
    cache: Path | None = None,
    keep_features: bool = False,
    progress: Progress | None = None,
) -> FolderStatistics:
    """The statistics of all images below `folder`, or of a list of images.

    `workers`: decoding processes, one a processor up to 16 unless given, fewer for few images. `cache`: a folder where
    results are kept by content. `keep_features`: keep each image's features there too (8 KB an image).

    Raises:
        MetricError: there is no image in the folder, or features are to be kept without a cache.
    """
    listing = list_images(folder) if isinstance(folder, Path) else folder
    if cache is None and keep_features:
        raise MetricError("Features are kept in the cache; name its folder.")
    count = len(listing.files)
    if cache is None:
        stretch = Stretch(listing, 0, count, division.group_of_each(listing), division.groups, batch=_batch(extractor))
        part = score_part(stretch, extractor, protocol, workers=workers or default_workers(count), progress=progress)
        return _statistics(join_parts([part], protocol), listing)
    plan = statistics_plan(listing, extractor, protocol, division, keep_features=keep_features)
    return _cached(plan, cache, extractor) or _made(plan, cache, extractor, workers, progress)


def statistics_plan(
    listing: Listing,
    extractor: Extractor,
    protocol: Protocol,
    division: Division = WHOLE,
    *,
    keep_features: bool = False,
) -> ShardPlan:
    """How `folder_statistics` with a cache divides `listing`, from the same arguments."""
    return make_plan(
        listing,
        extractor.info,
        protocol,
        shards=-(-len(listing.files) // (division.shard or SHARD)),
        groups=division.groups,
        group_of=division.group_of_each(listing),
        batch=_batch(extractor),
        keep_features=keep_features,
    )


def unfinished(plan: ShardPlan, cache: Path, extractor: Extractor) -> Path | None:
    """The folder where the shards of `plan` lie until `folder_statistics` merges them; None where the cache has all.

    Whoever scores a shard there (`write_plan`, `score_shard`) spares `folder_statistics` of it.
    """
    return None if _cached(plan, cache, extractor) else _work(plan, cache, extractor)


def _work(plan: ShardPlan, cache: Path, extractor: Extractor) -> Path:
    return unfinished_at(cache, f"{_stored(plan, cache, extractor).stem}-{int(plan.keep_features)}-{plan.shards}")


def unfinished_at(cache: Path, name: str) -> Path:
    """The folder called `name` among those of shards that are not merged yet."""
    return cache / "unfinished" / name


def _batch(extractor: Extractor) -> int:
    return GPU_BATCH if extractor.device.type == "cuda" else BATCH


def _made(
    plan: ShardPlan, cache: Path, extractor: Extractor, workers: int | None, progress: Progress | None
) -> FolderStatistics:
    """Scored in shards, which stay where this is interrupted; then kept in the cache."""
    stored = _stored(plan, cache, extractor)
    work = _work(plan, cache, extractor)
    write_plan(plan, work)
    for shard, (start, _) in enumerate(plan.bounds):

        def show(done: int, _: int, start: int = start) -> None:
            if progress is not None:
                progress(start + done, len(plan.listing.files))

        score_shard(work, shard, extractor=extractor, workers=workers, progress=show)
    made = _statistics(merge_shards(work), plan.listing)
    if plan.keep_features:
        move_whole(merged_features(work), stored.with_suffix(".npy"))
        made = replace(made, features=stored.with_suffix(".npy"))
    seen = {**made.scored, **{skip.file: skip.sha256 for skip in made.skipped if skip.file in plan.hashes}}
    if seen == plan.hashes:  # else a decoder failed for reasons of its own
        below = [asdict(skip) for skip in made.skipped if skip not in plan.listing.skipped]
        record = {"skipped": below, "converted": made.converted, "scored": dict(made.scored)}
        save_moments(made.groups, stored, record)
    shutil.rmtree(work, ignore_errors=True)
    return made


def _statistics(part: Part, listing: Listing) -> FolderStatistics:
    left_out = {skip.file for skip in part.skipped}
    scored = {file: sha for file, sha in part.seen.items() if file not in left_out}
    skipped = (*listing.skipped, *part.skipped)
    return FolderStatistics(listing.folder, part.groups, skipped, part.converted, files_hash(scored), scored)


def _stored(plan: ShardPlan, cache: Path, extractor: Extractor) -> Path:
    name = hash_of([plan.key, made_with(extractor)], spaced=True)
    return cache / f"{name}.npz"


def _cached(plan: ShardPlan, cache: Path, extractor: Extractor) -> FolderStatistics | None:
    path = _stored(plan, cache, extractor)
    features = path.with_suffix(".npy") if path.with_suffix(".npy").is_file() else None
    if not path.is_file() or (plan.keep_features and features is None):
        return None
    try:
        groups, record = load_moments(path)
        part = part_from(groups, {**record, "seen": record["scored"], "held": []})
    except (MetricError, KeyError):
        return None  # damaged: made anew, and replaced
    return replace(
        _statistics(replace(part, skipped=()), plan.listing),
        skipped=(*plan.listing.skipped, *part.skipped),
        features=features,
    )
