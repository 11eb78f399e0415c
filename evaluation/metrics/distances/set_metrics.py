"""`frechet`, `kid` and `precision-recall` of a run: thin glue over `score`, `companions` and `references`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.parameters import ParameterValue
from evaluation.metrics.distances.companions import NEIGHBOURS, companions
from evaluation.metrics.distances.score import score_listings
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.protocols import Protocol, protocol_by_name
from evaluation.metrics.features.references import MANIFEST, images_of, reference_at
from evaluation.metrics.spec import Progress, ScoredImage
from evaluation.suites.types import JsonValue

if TYPE_CHECKING:
    from evaluation.metrics.features.extractor import Extractor
    from evaluation.metrics.features.images import Listing


@dataclass(frozen=True)
class FeatureMetric:
    """One of the three. `companion`: "" for the distance itself. `cache`: where statistics are kept, None: nowhere."""

    extractor: Extractor
    protocol: Protocol
    companion: str
    cache: Path | None

    @property
    def label(self) -> str:
        """How the number may be called."""
        name = self.extractor.info.label
        if not self.companion:
            return name
        features = "Inception features" if name == "FID" else name.partition("(")[2].removesuffix(")") or name
        if self.companion == "kid":
            return "KID" if name == "FID" else f"Kernel distance ({features})"
        return f"Harmonic mean of precision and recall (k = {NEIGHBOURS}, {features})"

    @property
    def provenance(self) -> Mapping[str, JsonValue]:
        """Extractor, its hash, protocol, device."""
        info = self.extractor.info
        return {
            "extractor": info.name,
            "extractor_sha256": info.sha256,
            "protocol": self.protocol.name,
            "device": self.extractor.device.type,
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
            return first, reference_at(reference).listing(self.protocol.n_reference)
        return first, images_of(reference, "the reference")

    def score(
        self, images: Sequence[ScoredImage], reference: Sequence[ScoredImage] | Path | None, progress: Progress
    ) -> dict[str, JsonValue]:
        """The number with all that it depends on; `progress` counts the images of both sides."""
        first, second = self.listings(images, reference)
        total = len(first.files) + len(second.files)

        def told(folder: Path, done: int, _: int) -> None:
            progress(done + (len(first.files) if folder == second.folder else 0), total)

        with ExitStack() as stack:
            cache = self.cache
            if cache is None and self.companion:
                cache = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            found = score_listings(
                first,
                second,
                self.extractor,
                self.protocol,
                cache=cache,
                keep_features=bool(self.companion),
                progress=told,
            )
            beside = (
                companions(found.first, found.second, self.extractor.info, [self.companion]) if self.companion else {}
            )
        result: dict[str, Any] = {**found.result, "why": "", **beside}
        if self.companion:
            key = self.companion.replace("-", "_")
            result |= {"frechet": result["value"], "name": self.label, "value": None, "corrected": None}
            made = beside[key]
            if made is None:
                result["why"] = beside[f"{key}_why"]
            elif self.companion == "kid":
                result |= {"value": made["value"], "se": made["se"]}
            else:
                both = made["precision"] + made["recall"]
                result["value"] = 2 * made["precision"] * made["recall"] / both if both else 0.0
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
    from evaluation.metrics.features.extractors import load_extractor

    name, weights = str(parameters["extractor"]), str(parameters["weights"])
    if "/" in name or "\\" in name:  # anybody may choose an extractor, not every folder of this machine
        raise MetricError(f"The extractor {name!r} holds a path. Name a folder in var/weights, as dinov2:NAME.")
    if weights and ":" in name:
        name, weights = f"{name.partition(':')[0]}:{Path(weights).expanduser().absolute()}", ""
    extractor = load_extractor(
        name, Path(weights).expanduser() if weights else None, folders=weight_folders, device=device
    )
    # Beside the weights, where the commands keep them too: a reference is computed once for all runs.
    cache = Path(weight_folders[0]).parent / "statistics" if weight_folders else None
    return FeatureMetric(extractor, protocol_by_name(str(parameters["protocol"])), companion, cache)
