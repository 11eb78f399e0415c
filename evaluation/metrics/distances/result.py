"""A Frechet distance with all that it depends on: the result that every command prints and every report reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from evaluation.metrics.distances.second_road import SecondRoad
from evaluation.metrics.features.jackknife import CorrectedDistance
from evaluation.metrics.features.measure import MeasureRecord

SCHEMA = "drawbench-frechet/1"


@dataclass(frozen=True)
class FrechetResult:
    """`value`: the squared distance between `counts[0]` and `counts[1]` images under `measure`.

    `corrected`: without most of its bias and with its interval; None where it can't be had, and then `corrected_why`
    says why. `images_sha256`: of both sides' images. `skipped`, `converted`: files left out, and files whose pixels had
    to be changed to be RGB, as JSON. `warnings`: sentences on the value. `second`: the same by another program, where
    that was asked for.
    `second`: the same by another program, where that was asked for.
    """

    measure: MeasureRecord
    value: float
    counts: tuple[int, int]
    corrected: CorrectedDistance | None
    corrected_why: str
    images_sha256: tuple[str, str]
    skipped: tuple[Mapping[str, str], ...]
    converted: tuple[Mapping[str, str], ...]
    warnings: tuple[str, ...]
    second: SecondRoad | None = None

    @property
    def name(self) -> str:
        """How the number may be called: FID with its own network alone."""
        return self.measure.name

    def to_dict(self) -> dict[str, Any]:
        """The contract's form (docs/fid.md), ready for JSON."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "value": self.value,
            "n_1": self.counts[0],
            "n_2": self.counts[1],
            **self.measure.extractor_record(),
            "features": self.measure.features,
            "protocol": self.measure.protocol,
            "corrected": None if self.corrected is None else asdict(self.corrected),
            **({"corrected_why": self.corrected_why} if self.corrected_why else {}),
            "images_sha256_1": self.images_sha256[0],
            "images_sha256_2": self.images_sha256[1],
            "skipped": [dict(entry) for entry in self.skipped],
            "converted": [dict(entry) for entry in self.converted],
            "warnings": list(self.warnings),
            **({} if self.second is None else {"second": self.second.to_dict()}),
            "computed_with": self.measure.computed_with,
        }
