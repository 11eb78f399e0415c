"""Which sizes the scored images have, and what the metric did with those that are no squares."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Count

from evaluation.metrics.shapes import OF_RECIPE, OTHER_SHAPES
from evaluation.models import MetricRun, Sample
from generators.sizes import Size

SIZES_TOLD = 20
"""So many different sizes are listed, the most frequent first; the rest are counted."""


def other_shapes(row: MetricRun, result: Mapping[str, object]) -> dict[str, object]:
    """What the result of `row` says of sizes: `image_sizes`, size -> images; and `other_shapes` where some are no
    squares. One query."""
    found = (
        Sample.objects.filter(run=row.run_id)
        .values_list("image__width", "image__height")
        .annotate(n=Count("pk"))
        .order_by("-n", "image__width", "image__height")
    )
    counts = [(Size(width, height), n) for width, height, n in found]
    told: dict[str, object] = {"image_sizes": {str(size): n for size, n in counts[:SIZES_TOLD]}}
    if len(counts) > SIZES_TOLD:
        told["images_of_further_sizes"] = sum(n for _, n in counts[SIZES_TOLD:])
    if any(size.width != size.height for size, _ in counts):
        protocol = result.get("protocol")
        shape = str(protocol.get("shape")) if isinstance(protocol, Mapping) else ""
        said = result.get(OTHER_SHAPES) or row.provenance.get(OTHER_SHAPES) or OF_RECIPE.get(shape)
        told[OTHER_SHAPES] = said or "the metric does not say what it does with them"
    return told
