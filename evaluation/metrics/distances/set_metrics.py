"""`frechet`, `kid` and `precision-recall` of a run: thin glue over `score`, `companions` and `references`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.parameters import ParameterValue
from evaluation.metrics.distances.companions import companions, number_name
from evaluation.metrics.distances.score import Scored, score_listings
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.measure import Measure, MeasureRequest
from evaluation.metrics.features.references import MANIFEST, images_of, reference_at
from evaluation.metrics.places import statistics_beside
from evaluation.metrics.spec import Progress, ScoredImage
from evaluation.suites.types import JsonValue

if TYPE_CHECKING:
    from evaluation.metrics.features.images import Listing


@dataclass(frozen=True)
class FeatureMetric:
    """One of the three. `companion`: "" for the distance itself, else one of `companions.COMPANIONS`."""

    measure: Measure
    companion: str

    @property
    def label(self) -> str:
        """How the number may be called."""
        return number_name(self.measure.extractor.info, self.companion)

    @property
    def provenance(self) -> Mapping[str, JsonValue]:
        """Extractor, its hash, protocol, device."""
        extractor = self.measure.extractor
        return {
            "extractor": extractor.info.name,
            "extractor_sha256": extractor.info.sha256,
            "protocol": self.measure.protocol.name,
            "device": extractor.device.type,
        }

    def listings(
        self, images: Sequence[ScoredImage], reference: Sequence[ScoredImage] | Path | None
    ) -> tuple[Listing, Listing]:
        """Both sides as lists of files; of a stored reference, as many images as the protocol takes.

        Raises:
            MetricError: there is no reference, or one of them has no images.
        """
        if reference is None:
            raise MetricError("This compares with a reference: a stored one, a folder of images, or another run.")
        first = images_of(images, "the run")
        if isinstance(reference, Path) and (reference / MANIFEST).is_file():
            return first, reference_at(reference).listing(self.measure.protocol.n_reference)
        return first, images_of(reference, "the reference")

    def score(
        self, images: Sequence[ScoredImage], reference: Sequence[ScoredImage] | Path | None, progress: Progress
    ) -> dict[str, JsonValue]:
        """The number with all that it depends on; `progress` counts the images of both sides."""
        listings = self.listings(images, reference)
        if not self.companion or self.measure.cache is not None:
            return self.result_of(self.compare(listings, progress, keep_features=bool(self.companion)))
        with tempfile.TemporaryDirectory() as folder:
            kept = replace(self, measure=replace(self.measure, cache=Path(folder)))
            return kept.result_of(kept.compare(listings, progress, keep_features=True))

    def compare(
        self,
        listings: tuple[Listing, Listing],
        progress: Progress,
        *,
        keep_features: bool,
        shard: int | None = None,
    ) -> Scored:
        """The distance between both sides and the statistics of each. `keep_features`, `shard`: as `score_listings`."""
        first, second = listings
        total = len(first.files) + len(second.files)

        def both(folder: object, done: int, _: int) -> None:
            progress(done + (len(first.files) if folder == second.folder else 0), total)

        return score_listings(first, second, self.measure, keep_features=keep_features, shard=shard, progress=both)

    def result_of(self, scored: Scored) -> dict[str, JsonValue]:
        """The metric's result from the distance and the statistics of both sides."""
        result: dict[str, Any] = {**scored.result.to_dict(), "why": ""}
        if not self.companion:
            return result
        beside = companions(scored.first, scored.second, self.measure.extractor.info, [self.companion])
        result |= {**beside, "frechet": result["value"], "name": self.label, "value": None, "corrected": None}
        key = self.companion.replace("-", "_")
        number = beside[key]
        if number is None:
            result["why"] = beside[f"{key}_why"]
        elif self.companion == "kid":
            result |= {"value": number["value"], "se": number["se"]}
        else:
            both = number["precision"] + number["recall"]
            result["value"] = 2 * number["precision"] * number["recall"] / both if both else 0.0
        return result


def load_frechet(
    parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]
) -> FeatureMetric:
    """The factory of `frechet`."""
    return _load("", parameters, device, weight_folders)


def load_kid(
    parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]
) -> FeatureMetric:
    """The factory of `kid`."""
    return _load("kid", parameters, device, weight_folders)


def load_precision_recall(
    parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]
) -> FeatureMetric:
    """The factory of `precision-recall`."""
    return _load("precision-recall", parameters, device, weight_folders)


def _load(
    companion: str, parameters: Mapping[str, ParameterValue], device: str | None, weight_folders: Sequence[Path]
) -> FeatureMetric:
    name, weights = str(parameters["extractor"]), str(parameters["weights"])
    if "/" in name or "\\" in name:  # anybody may choose an extractor, not every folder of this machine
        raise MetricError(f"The extractor {name!r} holds a path. Name a folder in var/weights, as dinov2:NAME.")
    if weights and ":" in name:
        name, weights = f"{name.partition(':')[0]}:{Path(weights).expanduser().absolute()}", ""
    request = MeasureRequest(name, str(parameters["protocol"]), Path(weights).expanduser() if weights else None, device)
    # Beside the weights, where the commands keep them too: a reference is computed once for all runs.
    cache = statistics_beside(Path(weight_folders[0])) if weight_folders else None
    return FeatureMetric(request.load(weight_folders=weight_folders, cache=cache), companion)
