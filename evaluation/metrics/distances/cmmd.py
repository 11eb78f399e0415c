"""CMMD: the discrepancy of Jayasumana et al. (2024) between the CLIP vectors of a run's images and of a reference's.

Their CLIP is ViT-L/14 at 336 pixels, their images are cut to the centre square and resized by Pillow's bicubic, as
here. With another CLIP the number is named by that CLIP, since it can't be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from common.hashes import files_hash
from common.parameters import ParameterValue
from evaluation.metrics.brought import Brought, find_brought
from evaluation.metrics.distances.gaussian_mmd import gaussian_mmd
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.brought_extractors import CLIP_IMAGES, load_brought
from evaluation.metrics.features.clip import architecture
from evaluation.metrics.features.images import Listing, Skipped, decode_images
from evaluation.metrics.features.protocols import Protocol
from evaluation.metrics.features.references import images_of
from evaluation.metrics.features.resize import Recipe
from evaluation.metrics.spec import Progress, ScoredImage
from evaluation.suites.types import JsonValue

if TYPE_CHECKING:
    from evaluation.metrics.features.extractor import Extractor

PAPERS_CLIP = "ViT-L/14-336"

PROTOCOL = Protocol(
    name="cmmd",
    recipe=Recipe("crop", "bicubic", "network", "tensorflow1"),  # at the network's size at once: nothing is left to do
    drop_last=None,
    generated="30,000 captions of COCO",
    reference="30,000 images of COCO",
    source="Jayasumana et al. 2024 and their code",
)

_BATCH = 32


class Cmmd:
    """The distance of a run's images to a reference's, under one CLIP."""

    def __init__(self, extractor: Extractor, brought: Brought, workers: int | None = None) -> None:
        import torch
        import transformers

        self._extractor, self._workers = extractor, workers
        kind = architecture(brought.config)
        name = "CMMD" if kind == PAPERS_CLIP else "Gaussian MMD, not the paper's CLIP"
        self.label = f"{name} (CLIP {kind} as brought: {brought.name})"
        self.provenance: Mapping[str, JsonValue] = {
            **brought.provenance(),
            "architecture": kind,
            "dtype": "float32, TF32 off; kernel in float64",
            "device": extractor.device.type,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    def score(
        self, images: Sequence[ScoredImage], reference: Sequence[ScoredImage] | Path | None, progress: Progress
    ) -> dict[str, JsonValue]:
        """The distance with its error; `progress` counts the images of both sides."""
        if reference is None:
            raise MetricError("cmmd compares with a reference: a folder of images, or another run's images.")
        listings = images_of(images, "the run"), images_of(reference, "the reference")
        total = sum(len(found.files) for found in listings)
        sides = []
        done = 0
        for found in listings:
            before = done
            sides.append(self._vectors(found, lambda count, of, before=before: progress(before + count, total)))  # type: ignore[misc]
            done += len(found.files)
        result: dict[str, JsonValue] = {
            "value": None,
            "name": self.label,
            "why": "",
            "protocol": PROTOCOL.manifest(network_size=self._extractor.info.input_size),  # type: ignore[dict-item]
            "provenance": dict(self.provenance),
            "images_sha256_1": sides[0].sha256,
            "images_sha256_2": sides[1].sha256,
            "skipped": [dict(asdict(skip)) for side in sides for skip in side.skipped],
        }
        fewest = min(len(side.rows) for side in sides)
        if fewest < 2:
            result["why"] = "it takes two images or more on each side that can be read"
            return result
        found_mmd = gaussian_mmd(sides[0].rows, sides[1].rows)
        return {**result, **asdict(found_mmd)}

    def _vectors(self, found: Listing, progress: Progress) -> _Side:
        rows: list[NDArray[np.float32]] = []
        skipped = list(found.skipped)
        hashes: dict[str, str] = {}
        batch: list[NDArray[np.uint8] | NDArray[np.float32]] = []

        def pass_on() -> None:
            made = self._extractor.features_of(batch, PROTOCOL).astype(np.float64)
            rows.append((made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32))
            batch.clear()

        workers = self._workers or max(1, min(8, len(found.files) // 16))
        decoded = decode_images(found, PROTOCOL.recipe, self._extractor.info.input_size, workers=workers)
        with closing(decoded):
            for number, image in enumerate(decoded, start=1):
                if isinstance(image, Skipped):
                    skipped.append(image)
                else:
                    hashes[image.file] = image.sha256
                    batch.append(image.pixels)
                if len(batch) == _BATCH:
                    pass_on()
                progress(number, len(found.files))
        if batch:
            pass_on()
        empty = np.zeros((0, self._extractor.info.features), dtype=np.float32)
        return _Side(np.concatenate(rows) if rows else empty, skipped, files_hash(hashes))


class _Side:
    def __init__(self, rows: NDArray[np.float32], skipped: list[Skipped], sha256: str) -> None:
        self.rows, self.skipped, self.sha256 = rows, skipped, sha256


def load(parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]) -> Cmmd:
    """The factory of `cmmd`."""
    brought = find_brought(CLIP_IMAGES, parameters, weight_folders)
    return Cmmd(load_brought(f"clip:{brought.path.resolve()}", device=device), brought)
