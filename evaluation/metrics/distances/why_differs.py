"""Why two protocols give two values: the distance recomputed with one thing changed after another.

Steps are taken in a fixed order, the pixels' way: crop, filter, size, resize to the network, precision of the network,
drop of the last batch, number of reference images, number of generated images. Another order would share the gap out
otherwise where steps interact; the order is therefore part of the result. The steps' sum is the gap, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from evaluation.metrics.distances.result import FrechetResult
from evaluation.metrics.distances.score import between, enough
from evaluation.metrics.features.images import Listing
from evaluation.metrics.features.measure import Measure, SideProgress
from evaluation.metrics.features.pipeline import FolderStatistics
from evaluation.metrics.features.protocols import Protocol
from evaluation.metrics.features.references import part_of

SCHEMA = "drawbench-why-differs/1"

NOT_ATTRIBUTED = (
    "which captions were drawn, and with how many samples each",
    "the generator itself: guidance, sampler, moving average of its weights, re-ranking",
    "how images were encoded before they came here (JPEG and resized copies can't be undone)",
    "which feature extractor: distances of two extractors have no common scale",
)


@dataclass(frozen=True)
class Step:
    """One change. `what`: of people. `before`, `after`: its values. `protocol`: in force after it."""

    name: str
    before: str
    after: str
    protocol: Protocol


ORDER = (
    "crop",
    "filter",
    "size",
    "resize to network",
    "precision",
    "drop of the last batch",
    "reference images",
    "generated images",
)


def steps_between(start: Protocol, end: Protocol, n_generated: int, n_reference: int) -> list[Step]:
    """The changes from `start` to `end`, in `ORDER`; those that change nothing are left out.

    `n_generated`, `n_reference`: images that there are, more than which no protocol can take.
    """
    found: list[Step] = []
    now = start
    for name, field, then in _changes(start, end):
        before, after = field(now), field(then(now))
        if name.endswith("images"):
            there = n_reference if name.startswith("reference") else n_generated
            before, after = (str(min(int(n), there)) if n != "all" else str(there) for n in (before, after))
        now = then(now)
        if before != after:
            found.append(Step(name, before, after, now))
    return found


def _changes(
    start: Protocol, end: Protocol
) -> Iterator[tuple[str, Callable[[Protocol], str], Callable[[Protocol], Protocol]]]:
    a = end.recipe
    yield ORDER[0], lambda p: p.recipe.shape, lambda p: replace(p, recipe=replace(p.recipe, shape=a.shape))
    yield ORDER[1], lambda p: p.recipe.filter, lambda p: replace(p, recipe=replace(p.recipe, filter=a.filter))
    yield ORDER[2], lambda p: str(p.recipe.size), lambda p: replace(p, recipe=replace(p.recipe, size=a.size))
    yield (
        ORDER[3],
        lambda p: p.recipe.to_network,
        lambda p: replace(p, recipe=replace(p.recipe, to_network=a.to_network)),
    )
    yield ORDER[4], lambda p: p.precision, lambda p: replace(p, precision=end.precision)
    yield ORDER[5], lambda p: str(p.drop_last or "no"), lambda p: replace(p, drop_last=end.drop_last, name=end.name)
    yield ORDER[6], lambda p: str(p.n_reference or "all"), lambda p: replace(p, n_reference=end.n_reference)
    yield ORDER[7], lambda p: str(p.n_generated or "all"), lambda p: replace(p, n_generated=end.n_generated)


@dataclass(frozen=True)
class WhyDiffers:
    """`start`, `end`: the two protocols' manifests. `distances`: under `start`, then after each of `steps`.

    The distances have no error of their own, and lie on one grid (`on_a_grid`): what the steps move adds up exactly.
    `notes`: sentences on what was left out.
    """

    start: Mapping[str, object]
    end: Mapping[str, object]
    steps: tuple[Step, ...]
    distances: tuple[FrechetResult, ...]
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How the distances may be called."""
        return self.distances[0].name

    @property
    def counts(self) -> tuple[int, int]:
        """Generated and reference images under the first protocol."""
        return self.distances[0].counts

    @property
    def gap(self) -> float:
        """The last distance less the first: the sum of the `differences`."""
        return self.distances[-1].value - self.distances[0].value

    @property
    def differences(self) -> tuple[float, ...]:
        """What each step moves."""
        return tuple(after.value - before.value for before, after in pairwise(self.distances))

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        first, last = self.distances[0], self.distances[-1]
        return {
            "schema": SCHEMA,
            "name": self.name,
            **first.measure.extractor_record(),
            "from": {"protocol": self.start, "value": first.value},
            "to": {"protocol": self.end, "value": last.value},
            "gap": self.gap,
            "order": list(ORDER),
            "steps": [
                {
                    "step": step.name,
                    "before": step.before,
                    "after": step.after,
                    "value": result.value,
                    "difference": difference,
                    "n_1": result.counts[0],
                    "n_2": result.counts[1],
                }
                for step, result, difference in zip(self.steps, self.distances[1:], self.differences, strict=True)
            ],
            "n_1": self.counts[0],
            "n_2": self.counts[1],
            "device": first.measure.computed_with["device"],
            "not_attributed": list(NOT_ATTRIBUTED),
        }


def why_differs(
    generated: Listing,
    reference: Listing,
    measure: Measure,
    end: Protocol,
    *,
    progress: SideProgress | None = None,
) -> WhyDiffers:
    """The distance under the protocol of `measure`, after each change, and under `end`.

    Where a protocol drops the last part batch and there are fewer images than its batch, nothing would be left of them:
    both are then taken without that, and a note says so.

    Raises:
        MetricError: too few images that can be scored.
    """
    start = measure.protocol
    kept: dict[tuple[str, Protocol, int | None], FolderStatistics] = {}

    def statistics(listing: Listing, side: str, protocol: Protocol, step: str) -> FolderStatistics:
        count = protocol.n_generated if side == "generated" else protocol.n_reference
        key = (side, replace(protocol, name="", n_generated=None, n_reference=None), count)
        if key not in kept:
            part = listing.only(set(part_of(listing.files, count)))
            made = enough(measure.under(protocol).statistics(part, progress=progress, called=f"{step}: {side}"))
            for old in [old for old in kept if old[0] == side]:
                del kept[old]  # one a side is enough: a step changes what both are scored with, or one side's number
            kept[key] = made
        return kept[key]

    def under(protocol: Protocol, step: str) -> FrechetResult:
        first = statistics(generated, "generated", protocol, step)
        second = statistics(reference, "reference", protocol, step)
        return between(first, second, measure.under(protocol), with_error=False)

    sides = ((generated, "generated"), (reference, "reference"))
    least = _least(start, end, len(generated.files), len(reference.files))
    batch = max(start.drop_last or 0, end.drop_last or 0)
    if least < 4 * batch:  # files that are damaged count, too; more than three batches of them are another matter
        undropped = replace(start, drop_last=None)
        least = min(least, *(statistics(*side, undropped, start.name).total().count for side in sides))
    notes = _not_dropped(start, end, least) if least < batch else ()
    if notes:
        start, end = replace(start, drop_last=None), replace(end, drop_last=None)
    steps = steps_between(start, end, len(generated.files), len(reference.files))
    distances = [under(start, start.name), *(under(step.protocol, step.name) for step in steps)]
    values = on_a_grid([result.value for result in distances])
    return WhyDiffers(
        start=measure.under(start).record().protocol,
        end=measure.under(end).record().protocol,
        steps=tuple(steps),
        distances=tuple(replace(result, value=value) for result, value in zip(distances, values, strict=True)),
        notes=notes,
    )


def _least(start: Protocol, end: Protocol, n_generated: int, n_reference: int) -> int:
    """The fewest images that are scored on a side under either protocol."""
    wanted = (start.n_generated, end.n_generated, start.n_reference, end.n_reference)
    return min(n_generated, n_reference, *(count for count in wanted if count is not None))


def _not_dropped(start: Protocol, end: Protocol, least: int) -> tuple[str, ...]:
    dropping = end if end.drop_last else start
    note = (
        f"{dropping.name} drops the last part batch of {dropping.drop_last} images, and only {least} are there: "
        f"nothing would be left. So nothing is dropped here, and the value is not {dropping.name}'s own."
    )
    return (note,)


def on_a_grid(values: list[float]) -> list[float]:
    """`values` rounded to a common power of two, 1e-12 of the largest: their differences are then exact, and add up."""
    largest = max((abs(value) for value in values), default=0.0)
    if largest == 0.0:
        return values
    step = 2.0 ** (math.frexp(largest)[1] - 41)
    return [round(value / step) * step for value in values]
