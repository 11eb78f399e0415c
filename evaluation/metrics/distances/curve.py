"""The FID-CLIP curve over guidance: what is paid in fidelity for alignment, and which weight pays best.

Saharia et al. (2022), figure 4: one generator's distance against its CLIP score, a point for each guidance weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.metrics.errors import MetricError


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One guidance weight. `distance`: a Frechet distance (lower is better); `clip`: the mean CLIP score (higher is).

    `distance_se`, `clip_se`: standard errors, None where they can't be had. `n`: images. `run`: whose they are.
    """

    guidance: float
    distance: float
    clip: float
    distance_se: float | None = None
    clip_se: float | None = None
    n: int = 0
    run: str = ""


@dataclass(frozen=True, slots=True)
class GuidanceCurve:
    """The points in order of guidance. `distance_name`, `clip_name`: how the numbers may be called, on both axes.

    `frontier`: the guidance weights that no other weight beats on both counts, in order. `turns_at`: the weight of the
    smallest distance. `why_not_compared`: set where points differ in their number of images, since a distance depends
    on it.
    """

    points: tuple[CurvePoint, ...]
    distance_name: str
    clip_name: str
    frontier: tuple[float, ...]
    turns_at: float
    why_not_compared: str = ""


def guidance_curve(points: Sequence[CurvePoint], *, distance_name: str, clip_name: str) -> GuidanceCurve:
    """The curve through `points`, one a guidance weight.

    >>> ends = CurvePoint(1.0, 9.0, 24.0), CurvePoint(8.0, 12.0, 29.0), CurvePoint(1.35, 7.3, 26.5)
    >>> curve = guidance_curve(ends, distance_name="FID", clip_name="CLIP score")
    >>> [point.guidance for point in curve.points], curve.frontier, curve.turns_at
    ([1.0, 1.35, 8.0], (1.35, 8.0), 1.35)

    Raises:
        MetricError: no points, a weight twice, or a number that is not finite.
    """
    if not points:
        raise MetricError("A curve takes points: score runs of one generator that differ in their guidance weight.")
    ordered = sorted(points, key=lambda point: point.guidance)
    for point in ordered:
        numbers = (point.guidance, point.distance, point.clip, point.distance_se or 0.0, point.clip_se or 0.0)
        if not all(abs(number) < float("inf") for number in numbers):
            raise MetricError(f"The point at guidance {point.guidance} holds a number that is not finite.")
    for before, after in zip(ordered, ordered[1:], strict=False):
        if before.guidance == after.guidance:
            names = " and ".join(name for name in (before.run, after.run) if name)
            raise MetricError(f"There are two points at guidance {before.guidance:g} {f'({names})' if names else ''}.")
    frontier = [point.guidance for point in ordered if not any(_beats(other, point) for other in ordered)]
    counts = {point.n for point in ordered}
    why = ""
    if len(counts) > 1:
        why = f"the points have from {min(counts)} to {max(counts)} images, and the distance falls with their number"
    turns_at = min(ordered, key=lambda point: point.distance).guidance
    return GuidanceCurve(tuple(ordered), distance_name, clip_name, tuple(frontier), turns_at, why)


def _beats(one: CurvePoint, other: CurvePoint) -> bool:
    """At least as good on both counts, and better on one."""
    as_good = one.distance <= other.distance and one.clip >= other.clip
    return as_good and (one.distance < other.distance or one.clip > other.clip)
