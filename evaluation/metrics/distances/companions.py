"""What stands beside a Frechet distance of the same features: KID, precision and recall, and what each image costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from evaluation.metrics.distances.influence import delta_error, influences, ranked
from evaluation.metrics.distances.kernel import kernel_distance
from evaluation.metrics.distances.neighbours import precision_recall
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.extractor import ExtractorInfo
from evaluation.metrics.features.pipeline import FolderStatistics
from evaluation.metrics.features.stored import Rows, read_features

COMPANIONS = ("kid", "precision-recall", "influence")
NEIGHBOURS = 3
COSTS_LISTED = 20


def companions(
    first: FolderStatistics, second: FolderStatistics, info: ExtractorInfo, wanted: Sequence[str] = COMPANIONS
) -> dict[str, Any]:
    """`wanted` of `COMPANIONS` as JSON; null, with the reason beside it, where one can't be had.

    Both sides' features must have been kept. KID takes the time of n m products: minutes for 30,000 images on a CPU.

    Raises:
        MetricError: features were not kept, or an unknown companion is wanted.
    """
    unknown = set(wanted) - set(COMPANIONS)
    if unknown:
        raise MetricError(f"There is no companion {sorted(unknown)[0]!r}. There are: {', '.join(COMPANIONS)}.")
    beside: dict[str, Any] = {}
    x, y = rows_of(first), rows_of(second)
    same = first.images_sha256 == second.images_sha256
    if "kid" in wanted:
        beside["kid"] = None if same else {"name": number_name(info, "kid"), **asdict(kernel_distance(x, y))}
        if same:
            beside["kid_why"] = "both sides hold the same images; there is nothing to draw conclusions from"
    if "precision-recall" in wanted:
        enough = min(len(x), len(y)) > NEIGHBOURS
        beside["precision_recall"] = asdict(precision_recall(x, y, k=NEIGHBOURS)) if enough else None
        if not enough:
            beside["precision_recall_why"] = f"it takes more than {NEIGHBOURS} images on each side"
    if "influence" in wanted:
        totals = first.total(), second.total()
        mine, theirs = influences(x, *totals), influences(y, *reversed(totals))
        beside["delta_se"] = delta_error(mine, theirs)
        order = ranked(list(first.scored), mine)
        beside["influence"] = {
            "meaning": "by about how much the squared distance falls when the image alone is left out",
            "dearest": [asdict(one) for one in order[:COSTS_LISTED]],
            "cheapest": [asdict(one) for one in order[: -COSTS_LISTED - 1 : -1]],
        }
    return beside


def costs(first: FolderStatistics, second: FolderStatistics) -> Mapping[str, float]:
    """By each scored image of `first`, by about how much the squared distance to `second` falls without it."""
    found = influences(rows_of(first), first.total(), second.total())
    return {one.file: one.share for one in ranked(list(first.scored), found)}


def rows_of(made: FolderStatistics) -> Rows:
    """The kept features (n, d).

    Raises:
        MetricError: they were not kept.
    """
    if made.features is None:
        raise MetricError("The features of these images were not kept.")
    return read_features(made.features)


def number_name(info: ExtractorInfo, companion: str = "") -> str:
    """How a number over the features of `info` may be called: the Frechet distance, or one of its `COMPANIONS`."""
    if not companion:
        return info.label
    is_inception = info.label == "FID"
    if companion == "kid" and is_inception:
        return "KID"
    features = "Inception features" if is_inception else info.label.partition("(")[2].removesuffix(")") or info.label
    if companion == "kid":
        return f"Kernel distance ({features})"
    return f"Harmonic mean of precision and recall (k = {NEIGHBOURS}, {features})"
