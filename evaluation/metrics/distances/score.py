"""Images to a Frechet distance, the one road under `frechet`, `fid`, `why_differs` and the metric of that name.

lists of images -> statistics of each side (`features.measure`) -> `between` -> `FrechetResult`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.metrics.distances.result import FrechetResult
from evaluation.metrics.distances.second_road import check_engine, second_road
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.images import Listing, converted_record, list_images, skipped_record
from evaluation.metrics.features.jackknife import CorrectedDistance, corrected_distance, why_not
from evaluation.metrics.features.measure import Measure, MeasureRecord, MeasureRequest, SideProgress
from evaluation.metrics.features.moments import Moments, distance
from evaluation.metrics.features.pipeline import FolderStatistics


def score_folders(
    folder_1: Path,
    folder_2: Path,
    request: MeasureRequest,
    *,
    weight_folders: Sequence[Path] = (),
    cache: Path | None = None,
    engine: str | None = None,
    progress: SideProgress | None = None,
) -> FrechetResult:
    """The Frechet distance between the images of two folders. `weight_folders`, `cache`: as `MeasureRequest.load`.

    `engine`: of `second_road.ENGINES`, which computes it a second time.

    Raises:
        MetricError: a name that does not exist, a folder without images, weights that are missing or wrong, fewer than
            two images that can be scored.
    """
    protocol = request.checked(weight_folders)
    if engine is not None:
        check_engine(engine, protocol)
    # Before the network is loaded: a wrong folder is told at once.
    listings = list_images(folder_1), list_images(folder_2)
    measure = request.load(weight_folders=weight_folders, cache=cache)
    scored = score_listings(*listings, measure, progress=progress)
    return by_second_road(scored, listings, measure, engine, progress=progress)


@dataclass(frozen=True)
class Scored:
    """`result`: the distance. `first`, `second`: the statistics it was computed from."""

    result: FrechetResult
    first: FolderStatistics
    second: FolderStatistics


def by_second_road(
    scored: Scored,
    listings: tuple[Listing, Listing],
    measure: Measure,
    engine: str | None,
    *,
    progress: SideProgress | None = None,
) -> FrechetResult:
    """The result of `scored`, with the value of `engine` beside it if one is named.

    Raises:
        MetricError: as `second_road`.
    """
    if engine is None:
        return scored.result
    sides = (listings[0], scored.first), (listings[1], scored.second)
    return replace(scored.result, second=second_road(engine, sides, measure, scored.result.value, progress=progress))


def score_listings(
    first: Listing,
    second: Listing,
    measure: Measure,
    *,
    keep_features: bool = False,
    shard: int | None = None,
    progress: SideProgress | None = None,
) -> Scored:
    """The Frechet distance between two lists of images. `keep_features`, `shard`: as `Measure.statistics` takes them.

    Raises:
        MetricError: fewer than two images that can be scored on a side, or files that change meanwhile.
    """

    def side(listing: Listing) -> FolderStatistics:
        return enough(measure.statistics(listing, keep_features=keep_features, shard=shard, progress=progress))

    side_1 = side(first)
    side_2 = side_1 if _same(first, second) else side(second)
    return Scored(between(side_1, side_2, measure), side_1, side_2)


def between(
    first: FolderStatistics, second: FolderStatistics, measure: Measure, *, with_error: bool = True
) -> FrechetResult:
    """The distance between two sides' statistics. `with_error`: with the jackknife, twenty times the work."""
    totals = first.total(), second.total()
    value = distance(*totals)
    corrected, why = _corrected(first, second, value) if with_error else (None, "")
    sides = (first,) if first is second else (first, second)
    record = measure.record()
    return FrechetResult(
        measure=record,
        value=value,
        counts=(totals[0].count, totals[1].count),
        corrected=corrected,
        corrected_why=why,
        images_sha256=(first.images_sha256, second.images_sha256),
        skipped=tuple(entry for side in sides for entry in skipped_record(side.skipped, side.folder)),
        converted=tuple(entry for side in sides for entry in converted_record(side.converted, side.folder)),
        warnings=_warnings(record, totals),
    )


def enough(side: FolderStatistics) -> FolderStatistics:
    """`side`, which has the two images or more that a distance takes.

    Raises:
        MetricError: it has fewer; says why they can't be scored.
    """
    count = side.total().count
    if count >= 2:
        return side
    reasons = "; ".join(f"{skip.file}: {skip.why}" for skip in side.skipped[:3])
    raise MetricError(
        f"{side.folder} holds {count or 'no'} image{'s' if count != 1 else ''} that can be scored, and a distance "
        f"takes two or more{f' ({reasons})' if reasons else ''}. A value to report takes thousands."
    )


def _same(first: Listing, second: Listing) -> bool:
    return (
        first.places is second.places is None
        and first.folder.resolve() == second.folder.resolve()
        and first.files == second.files
    )


def _corrected(first: FolderStatistics, second: FolderStatistics, value: float) -> tuple[CorrectedDistance | None, str]:
    if first is second or first.images_sha256 == second.images_sha256:
        return None, "both folders hold the same images; there is nothing to draw conclusions from"
    why = why_not(first.groups, second.groups)
    return (None, why) if why else (corrected_distance(first.groups, second.groups, raw=value), "")


def _warnings(measure: MeasureRecord, totals: tuple[Moments, Moments]) -> tuple[str, ...]:
    fewest = min(total.count for total in totals)
    if fewest > measure.features:
        return ()
    warning = (
        f"{fewest} images for {measure.features} features: the value is exact for these images, and much larger than "
        f"more images of the same kind would give. Compare it only with values of as many images."
    )
    return (warning,)
