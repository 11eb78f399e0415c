"""What runs are compared with: references stored on this server by name, and other runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.errors import NotFoundError
from evaluation.metrics.spec import ScoredImage
from evaluation.models import GenerationRun, MetricRun, Sample
from evaluation.services.metric_images import scored_images


def references_listed() -> list[str]:
    """The names of the references that are stored here."""
    return []


def reference_known(name: str) -> None:
    """Nothing, if a reference of this name is stored here.

    Raises:
        NotFoundError: there is none; the nearest name is told.
    """
    raise NotFoundError(f'Unknown reference "{name}".', field="reference")


def reference_count(name: str, run: GenerationRun | None) -> int:
    """How many images of a reference are read."""
    return Sample.objects.filter(run=run).count() if run else 0


def reference_input(metric_run: MetricRun) -> Sequence[ScoredImage] | Path | None:
    """The reference as a metric takes it."""
    if metric_run.reference_run is not None:
        return list(scored_images(metric_run.reference_run).values())
    return None
