"""What a distance is measured with on this server: users' weights, and the cache of statistics that all share."""

from __future__ import annotations

from evaluation.metrics.features.measure import Measure, MeasureRequest
from evaluation.services.store.places import statistics_folder, weight_folders


def measure_loaded(request: MeasureRequest) -> Measure:
    """The network of `request`, its weights looked for where users put them; statistics are kept by content.

    Raises:
        MetricError: a name that does not exist, or weights that are missing or wrong.
    """
    return request.load(weight_folders=weight_folders(), cache=statistics_folder())
