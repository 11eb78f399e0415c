"""The FID-CLIP curve over guidance: which runs stand on one, and its points from their finished scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import F

from evaluation.metrics.distances.curve import CurvePoint, GuidanceCurve, guidance_curve
from evaluation.metrics.errors import MetricError
from evaluation.models import MetricRun, RunStatus

GUIDANCE = "guidance"
"""The parameter of generators that the curve is over."""

Z = 1.959964
"""The normal quantile that takes a 95 % interval to a standard error."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Runs that differ in their guidance alone, and what their scores draw.

    `key`: names it in addresses. `title`: for people. `curve`: None for the reason `why`. `runs`: (primary key, name)
    by guidance. `missing`: (guidance, run, what it was not scored with).
    """

    key: str
    title: str
    curve: GuidanceCurve | None
    runs: Mapping[float, tuple[int, str]]
    why: str = ""
    missing: tuple[tuple[float, str, str], ...] = field(default_factory=tuple)


def curves() -> list[Curve]:
    """Every curve that finished scores draw, those of most points first. One query.

    A curve's points are runs of one suite and generator that are alike in size, seed, samples a prompt and all
    parameters but guidance; each was scored by the same distance (parameters, reference, label) and the same CLIP
    score. Where they are compared with one of themselves, that one is no point, and one other alone no curve.
    """
    distances, clips = _finished()
    found: list[Curve] = []
    for place, by_distance in distances.items():
        for distance_key, of_distance in by_distance.items():
            for clip_key, all_of_clip in clips.get(place, {}).items():
                of_clip = [each for each in all_of_clip if each.run_id != of_distance[0].reference_run_id]
                alone = len({each.run_id for each in [*of_distance, *of_clip]}) < 2
                if not of_clip or (alone and len(of_clip) < len(all_of_clip)):
                    continue
                found.append(_curve(place, distance_key, of_distance, clip_key, of_clip))
    return sorted(found, key=lambda each: (-len(each.runs), each.title, each.key))


_Place = tuple[str, str, str]
_Finished = dict[_Place, dict[tuple[str, ...], list[MetricRun]]]


def _finished() -> tuple[_Finished, _Finished]:
    """Finished Frechet distances and CLIP scores of runs with a guidance, by what runs and scores must share."""
    distances: _Finished = {}
    clips: _Finished = {}
    runs = (
        MetricRun.objects.filter(
            status=RunStatus.DONE, metric__in=("frechet", "clip-score"), run__parameters__has_key=GUIDANCE
        )
        .select_related("run__suite", "reference_run")
        .defer("result", "provenance")
        .annotate(value=F("result__value"), overall=F("result__overall"), corrected=F("result__corrected"))
        .order_by("run__name")
    )
    for each in runs:
        rest = sorted((name, repr(value)) for name, value in each.run.parameters.items() if name != GUIDANCE)
        if not isinstance(each.run.parameters[GUIDANCE], int | float):
            continue
        what = f"{rest} {each.run.width} {each.run.height} {each.run.samples_per_prompt} {each.run.run_seed}"
        place = (str(each.run.suite), each.run.generator, what)
        key = (each.metric, each.parameters_hash, each.reference, each.label)
        (distances if each.metric == "frechet" else clips).setdefault(place, {}).setdefault(key, []).append(each)
    return distances, clips


def _curve(
    place: _Place,
    distance_key: tuple[str, ...],
    distances: Sequence[MetricRun],
    clip_key: tuple[str, ...],
    clips: Sequence[MetricRun],
) -> Curve:
    clip_of = {each.run_id: each for each in clips}
    points: list[CurvePoint] = []
    runs: dict[float, tuple[int, str]] = {}
    missing = [
        (float(each.run.parameters[GUIDANCE]), each.run.name, clip_key[0])
        for each in distances
        if each.run_id not in clip_of
    ]
    scored = {each.run_id for each in distances}
    missing += [
        (float(each.run.parameters[GUIDANCE]), each.run.name, distance_key[0])
        for each in clips
        if each.run_id not in scored
    ]
    for each in distances:
        other = clip_of.get(each.run_id)
        if other is None:
            continue
        guidance = float(each.run.parameters[GUIDANCE])
        points.append(_point(guidance, each, other))
        runs.setdefault(guidance, (each.run_id, each.run.name))
    suite, generator, _ = place
    against = f", against {distance_key[2]}" if distance_key[2] else ""
    title = f"{generator} on {suite}{against}, seed {distances[0].run.run_seed}"
    key = f"{distances[0].pk}-{clips[0].pk}"
    try:
        found = guidance_curve(points, distance_name=distance_key[3], clip_name=clip_key[3])
    except MetricError as error:
        return Curve(key, title, None, runs, str(error), tuple(missing))
    return Curve(key, title, found, runs, "", tuple(sorted(missing)))


def _point(guidance: float, distance: MetricRun, clip: MetricRun) -> CurvePoint:
    value, corrected = distance.value, distance.corrected  # type: ignore[attr-defined]
    overall = clip.overall  # type: ignore[attr-defined]
    return CurvePoint(
        guidance=guidance,
        distance=float(value),
        clip=float(overall["mean"]),
        distance_se=_error(corrected),
        clip_se=_error(overall),
        n=int(overall["n"]),
        run=distance.run.name,
    )


def _error(interval: Mapping[str, float | None] | None) -> float | None:
    """The standard error behind a 95 % interval, as the figure draws it again."""
    if not interval:
        return None
    low, high = interval.get("low"), interval.get("high")
    if low is None or high is None or not math.isfinite(high - low):
        return None
    return (high - low) / (2 * Z)
