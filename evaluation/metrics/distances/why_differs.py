"""Why two protocols give two values: the distance recomputed with one thing changed after another.

Steps are taken in a fixed order, the pixels' way: crop, filter, size, resize to the network, precision of the network,
drop of the last batch, number of reference images, number of generated images. Another order would share the gap out
otherwise where steps interact; the order is therefore part of the result. The steps' sum is the gap, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from evaluation.metrics.features.extractor import Extractor
from evaluation.metrics.features.images import Listing
from evaluation.metrics.features.jackknife import GROUPS
from evaluation.metrics.features.moments import distance
from evaluation.metrics.features.pipeline import FolderStatistics, folder_statistics
from evaluation.metrics.features.protocols import Protocol
from evaluation.metrics.features.references import part_of

SCHEMA = "drawbench-why-differs/1"

Told = Callable[[str, str, int, int], None]
"""Called with the step, what is scored, files done and files in all."""

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
    yield ORDER[5], lambda p: str(p.drop_last or "no"), lambda p: replace(p, drop_last=end.drop_last)
    yield ORDER[6], lambda p: str(p.n_reference or "all"), lambda p: replace(p, n_reference=end.n_reference)
    yield ORDER[7], lambda p: str(p.n_generated or "all"), lambda p: replace(p, n_generated=end.n_generated)


def why_differs(
    generated: Listing,
    reference: Listing,
    extractor: Extractor,
    start: Protocol,
    end: Protocol,
    *,
    workers: int | None = None,
    cache: Any = None,
    told: Told | None = None,
) -> dict[str, Any]:
    """The value under `start`, after each change, and under `end`, as JSON.

    Raises:
        MetricError: too few images that can be scored.
    """
    from evaluation.metrics.distances.score import check_count

    steps = steps_between(start, end, len(generated.files), len(reference.files))
    kept: dict[tuple[str, Protocol, int | None], FolderStatistics] = {}

    def statistics(listing: Listing, side: str, protocol: Protocol, step: str) -> FolderStatistics:
        count = protocol.n_generated if side == "generated" else protocol.n_reference
        key = (side, replace(protocol, name="", n_generated=None, n_reference=None), count)
        if key not in kept:
            part = listing.only(set(part_of(listing.files, count)))
            progress = None if told is None else lambda done, total: told(step, side, done, total)
            made = folder_statistics(
                part, extractor, protocol, groups=GROUPS, workers=workers, cache=cache, progress=progress
            )
            check_count(listing.folder, made)
            for old in [old for old in kept if old[0] == side]:
                del kept[old]  # one a side is enough: a step changes what both are scored with, or one side's number
            kept[key] = made
        return kept[key]

    def value(protocol: Protocol, step: str) -> tuple[float, int, int]:
        first = statistics(generated, "generated", protocol, step).total()
        second = statistics(reference, "reference", protocol, step).total()
        return distance(first, second), first.count, second.count

    found = [value(start, start.name), *(value(step.protocol, step.name) for step in steps)]
    values = on_a_grid([each for each, _, _ in found])
    size = extractor.info.input_size
    return {
        "schema": SCHEMA,
        "name": extractor.info.label,
        "extractor": extractor.info.name,
        "extractor_sha256": extractor.info.sha256,
        "from": {"protocol": start.manifest(network_size=size), "value": values[0]},
        "to": {"protocol": end.manifest(network_size=size), "value": values[-1]},
        "gap": values[-1] - values[0],
        "order": list(ORDER),
        "steps": [
            {
                "step": step.name,
                "before": step.before,
                "after": step.after,
                "value": values[i + 1],
                "difference": values[i + 1] - values[i],
                "n_1": found[i + 1][1],
                "n_2": found[i + 1][2],
            }
            for i, step in enumerate(steps)
        ],
        "n_1": found[0][1],
        "n_2": found[0][2],
        "device": extractor.device.type,
        "not_attributed": list(NOT_ATTRIBUTED),
    }


def on_a_grid(values: list[float]) -> list[float]:
    """`values` rounded to a common power of two, 1e-12 of the largest: their differences are then exact, and add up."""
    largest = max((abs(value) for value in values), default=0.0)
    if largest == 0.0:
        return values
    step = 2.0 ** (math.frexp(largest)[1] - 41)
    return [round(value / step) * step for value in values]
