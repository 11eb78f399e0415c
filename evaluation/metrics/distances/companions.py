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
COSTS_TOLD = 20


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
    told: dict[str, Any] = {}
    x, y = rows_of(first), rows_of(second)
    same = first.images_sha256 == second.images_sha256
    if "kid" in wanted:
        told["kid"] = None if same else {"name": _kid_name(info), **asdict(kernel_distance(x, y))}
        if same:
            told["kid_why"] = "both sides hold the same images; there is nothing to draw conclusions from"
    if "precision-recall" in wanted:
        enough = min(len(x), len(y)) > NEIGHBOURS
        told["precision_recall"] = asdict(precision_recall(x, y, k=NEIGHBOURS)) if enough else None
        if not enough:
            told["precision_recall_why"] = f"it takes more than {NEIGHBOURS} images on each side"
    if "influence" in wanted:
        totals = first.total(), second.total()
        mine, theirs = influences(x, *totals), influences(y, *reversed(totals))
        told["delta_se"] = delta_error(mine, theirs)
        order = ranked(list(first.scored), mine)
        told["influence"] = {
            "meaning": "by about how much the squared distance falls when the image alone is left out",
            "dearest": [asdict(one) for one in order[:COSTS_TOLD]],
            "cheapest": [asdict(one) for one in order[: -COSTS_TOLD - 1 : -1]],
        }
    return told


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


def _kid_name(info: ExtractorInfo) -> str:
    return "KID" if info.label == "FID" else f"Kernel distance ({info.label.partition('(')[2] or info.label + ')'}"
