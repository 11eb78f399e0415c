"""Metrics by name: the built-in ones, and those that installed packages bring as entry points `drawbench.metrics`.

Importing this module imports neither torch nor a concrete metric; `get_spec` and `entries` import the light spec
modules, and only `load` imports what scores. The web process may use all but `load`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from common import plugins
from common.allocator import keep_freed_memory
from common.drawing import DrawingMissingError, what_is_missing
from evaluation.metrics.errors import MetricError
from evaluation.metrics.spec import Metric, MetricFactory, MetricSpec, SampleMetric

ENTRY_POINT_GROUP = "drawbench.metrics"

BUILT_IN: Mapping[str, str] = {
    "clip-score": "evaluation.metrics.builtin:CLIP_SCORE",
    "cmmd": "evaluation.metrics.builtin:CMMD",
    "frechet": "evaluation.metrics.builtin:FRECHET",
    "kid": "evaluation.metrics.builtin:KID",
    "object-checks": "evaluation.metrics.builtin:OBJECT_CHECKS",
    "open-nsfw": "evaluation.metrics.builtin:OPEN_NSFW",
    "precision-recall": "evaluation.metrics.builtin:PRECISION_RECALL",
    "scene-checks": "evaluation.metrics.builtin:SCENE_CHECKS",
    "text-checks": "evaluation.metrics.builtin:TEXT_CHECKS",
}
"""Name of each built-in metric -> "module:attribute" of its `MetricSpec`."""


class DrawingMissing(MetricError, DrawingMissingError):
    """A metric needs what only drawing and scoring need, and it is not installed."""


Entry = plugins.Entry[MetricSpec]
"""One metric as found: usable (`spec`) or broken (`error` says why, for people), never both."""

_METRICS = plugins.Plugins("metric", ENTRY_POINT_GROUP, BUILT_IN, MetricSpec, MetricError)


def names() -> list[str]:
    """The names that may be asked for, sorted, without importing anything: some may turn out to be broken."""
    return _METRICS.names()


def entries() -> list[Entry]:
    """Every metric, sorted by name, each spec imported; a broken one carries its error and harms no other."""
    return _METRICS.entries()


def get_spec(name: str) -> MetricSpec:
    """The spec of the metric called `name`; no other metric's module is imported.

    Raises:
        MetricError: no metric has this name (the nearest is named), or the one that has it is broken.
    """
    return _METRICS.get(name)


def value_range_of(name: str) -> tuple[float | None, float | None]:
    """What a value of this metric can be (`MetricSpec.value_range`); nothing is known of one that is gone."""
    try:
        return get_spec(name).value_range
    except MetricError:
        return None, None


def load(
    name: str,
    parameters: Mapping[str, object],
    *,
    device: str | None = None,
    weight_folders: Sequence[Path] = (),
) -> Metric:
    """The metric called `name`, ready to score: a `SampleMetric` or a `SetMetric`, as its spec's `kind` says.

    `parameters`: values or their texts, checked and completed by its spec. `device`: None for the best there is, else
    "cpu", "cuda", "cuda:1" ... `weight_folders`: where weights that users bring are looked for.

    Raises:
        MetricError: unknown name, parameter, value or device; or what it needs is not there (`DrawingMissing`
            where that is torch, or what stands on it).
    """
    spec = get_spec(name)
    values = spec.resolve(parameters)
    keep_freed_memory()
    try:
        factory = cast(MetricFactory, plugins.import_reference(spec.factory))
        metric: object = factory(values, device=device, weight_folders=tuple(weight_folders))
    except MetricError:
        raise
    except Exception as error:
        if missing := what_is_missing(error):
            raise DrawingMissing(missing) from error
        raise MetricError(f'metric "{name}" could not be loaded: {plugins.describe(error)}') from error
    # Both protocols ask for the same names; what `score` takes follows from the spec's kind.
    if not isinstance(metric, SampleMetric):
        raise MetricError(
            f'metric "{name}": {spec.factory} gave a {type(metric).__name__}, which lacks one of label, provenance and '
            f"score (evaluation.metrics.spec.{spec.kind.capitalize()}Metric)"
        )
    return cast(Metric, metric)
