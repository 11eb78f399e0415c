"""The metric that a task needs, loaded in this process and kept for the next tasks of the same."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import common
import evaluation.metrics
from common import limits
from common.hashes import canonical_json, sources_version
from common.text import cleaned, storable
from evaluation.metrics import registry
from evaluation.metrics.shapes import OTHER_SHAPES
from evaluation.metrics.spec import Metric
from evaluation.models import MetricRun
from evaluation.services.store.places import weight_folders
from evaluation.services.work.kept import KeptOne
from evaluation.services.work.limits import Pace

log = logging.getLogger(__name__)

MAY_DIFFER = ("device", OTHER_SHAPES)
"""Keys of a metric's provenance that decide nothing of whether two workers' numbers belong together: where they ran,
and words for what other keys say."""


@dataclass(slots=True)
class LoadedMetric:
    """A metric and its pace.

    `works`: whether it ever gave scores in this process; `faults`: how many images it raised on before that.
    """

    metric: Metric
    pace: Pace = field(default_factory=Pace)
    works: bool = False
    faults: int = 0


_loaded: KeptOne[LoadedMetric] = KeptOne()


def metric_for(metric_run: MetricRun) -> LoadedMetric:
    """The metric of `metric_run`: this process's own copy, loaded when it is not the one used last.

    Raises:
        MetricError: it is unknown by now, or what it needs is not there.
    """

    def load() -> LoadedMetric:
        log.info("loading metric %s for %s", metric_run.metric, metric_run)
        metric = registry.load(
            metric_run.metric, metric_run.parameters, device=metric_device(), weight_folders=weight_folders()
        )
        return LoadedMetric(metric)

    return _loaded.get(canonical_json([metric_run.metric, metric_run.parameters]), load)


def forget_metrics() -> None:
    """Let go of what is loaded: the next task loads anew."""
    _loaded.clear()


def metric_device() -> str | None:
    """The device that workers are told to use; None for the best there is."""
    device = os.environ.get("DRAWBENCH_DEVICE", "auto")
    return None if device == "auto" else device


def metric_code_version(name: str) -> str:
    """Names the code that a metric's numbers depend on: our files by their hash, a plug-in by its package's version."""
    brought = [entry.source for entry in registry.entries() if entry.name == name and entry.source != "built in"]
    return "; ".join([_our_version(), *brought])


def differs(metric_run: MetricRun, label: str, provenance: Mapping[str, object]) -> str:
    """What of a metric is another than when the first images of `metric_run` were scored; empty if nothing is."""
    label = cleaned(label, limits.METRIC_LABEL)
    if metric_run.label != label:
        return f"it was {metric_run.label}, and is now {label}"
    before, now = dict(metric_run.provenance), storable(json.loads(json.dumps(dict(provenance))))
    assert isinstance(now, dict)
    names = sorted(set(before) | set(now))
    changed = [name for name in names if name not in MAY_DIFFER and before.get(name) != now.get(name)]
    return f"its {', '.join(changed)} changed" if changed else ""


@functools.cache
def _our_version() -> str:
    rooms = (Path(str(room.__file__)).parent for room in (evaluation.metrics, common))
    return f"metrics-{sources_version(*rooms)}"
