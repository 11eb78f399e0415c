"""What runs are compared with: references stored on this server by name, and other runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.errors import InputError, NotFoundError
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.references import load_reference, reference_names
from evaluation.metrics.spec import ScoredImage
from evaluation.models import GenerationRun, MetricRun, Sample
from evaluation.services.scoring.images import scored_images
from evaluation.services.store.places import references_folder


def references_listed() -> list[str]:
    """The names of the references that are stored here."""
    return reference_names(references_folder())


def reference_known(name: str) -> None:
    """Nothing, if a reference of this name is stored here.

    Raises:
        NotFoundError: there is none; the nearest name is told.
        InputError: its lists are damaged.
    """
    known = name in references_listed()
    try:
        load_reference(references_folder(), name)
    except MetricError as error:
        raise (InputError if known else NotFoundError)(str(error), field="reference") from error


def reference_count(name: str, run: GenerationRun | None) -> int:
    """How many images a reference has."""
    if run is not None:
        return Sample.objects.filter(run=run).count()
    return len(load_reference(references_folder(), name).hashes) if name else 0


def reference_input(metric_run: MetricRun) -> Sequence[ScoredImage] | Path | None:
    """The reference as a metric takes it: another run's images, or the folder of a stored one's lists.

    Raises:
        MetricError: the stored one is gone or damaged.
    """
    if metric_run.reference_run is not None:
        return list(scored_images(metric_run.reference_run).values())
    if not metric_run.reference_name:
        return None
    return load_reference(references_folder(), metric_run.reference_name).place
