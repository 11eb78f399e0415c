"""`object-checks`: a prompt's objects, counts, colours and relations by a detector that the user brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from common.parameters import ParameterValue
from evaluation.metrics.brought import find_brought
from evaluation.metrics.prompts.detector import DETECTOR, load_detector
from evaluation.metrics.prompts.scene_metric import SceneMetric


def load(
    parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]
) -> SceneMetric:
    """The factory."""
    brought = find_brought(DETECTOR, parameters, weight_folders)
    return SceneMetric(load_detector(brought, threshold=float(parameters["threshold"]), device=device))
