"""What every Frechet distance is measured with, and the one step from images to statistics that all of them take.

MeasureRequest (names, as a person gives them) -> Measure (network and protocol) -> statistics of each side
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.metrics.features.extractors import extractor_by_name, load_extractor
from evaluation.metrics.features.jackknife import GROUPS
from evaluation.metrics.features.pipeline import Division, FolderStatistics, folder_statistics, statistics_plan
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, Protocol, protocol_by_name

if TYPE_CHECKING:
    from evaluation.metrics.features.extractor import Extractor
    from evaluation.metrics.features.images import Listing
    from evaluation.metrics.features.shard_plan import ShardPlan

SideProgress = Callable[[object, int, int], None]
"""Called with what is scored, its files done, and its files in all."""


@dataclass(frozen=True)
class MeasureRequest:
    """What to measure with, by name. `weights`, `device`: as `load_extractor` takes them.

    `workers`: decoding processes, as `folder_statistics` takes them.
    """

    extractor: str
    protocol: str = DEFAULT_PROTOCOL
    weights: Path | None = None
    device: str | None = None
    workers: int | None = None

    def checked(self, weight_folders: Sequence[Path] = ()) -> Protocol:
        """The protocol, once both names are known to be right. Loads nothing: a wrong name is refused at once.

        Raises:
            MetricError: there is no such protocol or extractor; the message has the nearest name.
        """
        protocol = protocol_by_name(self.protocol)
        extractor_by_name(self.extractor, weight_folders)
        return protocol

    def load(self, *, weight_folders: Sequence[Path] = (), cache: Path | None = None) -> Measure:
        """The network loaded. `weight_folders`: where users put weights. `cache`: where statistics are kept by content.

        Raises:
            MetricError: as `checked`, or weights that are missing or wrong.
        """
        protocol = self.checked(weight_folders)
        extractor = load_extractor(self.extractor, self.weights, folders=weight_folders, device=self.device)
        return Measure(extractor, protocol, cache, self.workers)


@dataclass(frozen=True)
class MeasureRecord:
    """A measure as results tell of it. `name`: what a Frechet distance of it may be called. `features`: how many.

    `protocol`: its manifest. `computed_with`: device and libraries.
    """

    name: str
    extractor: str
    extractor_sha256: str
    features: int
    protocol: dict[str, object]
    computed_with: dict[str, str]

    def extractor_record(self) -> dict[str, str]:
        """The extractor as every result names it."""
        return {"extractor": self.extractor, "extractor_sha256": self.extractor_sha256}


@dataclass(frozen=True)
class Measure:
    """A network and a protocol. `cache`: where statistics are kept by content, None: nowhere. `workers`: as asked."""

    extractor: Extractor
    protocol: Protocol
    cache: Path | None = None
    workers: int | None = None

    def under(self, protocol: Protocol) -> Measure:
        """The same network under another protocol."""
        return replace(self, protocol=protocol)

    def record(self) -> MeasureRecord:
        """What results tell of it."""
        info = self.extractor.info
        return MeasureRecord(
            name=info.label,
            extractor=info.name,
            extractor_sha256=info.sha256,
            features=info.features,
            protocol=self.protocol.manifest(network_size=info.input_size),
            computed_with=_versions(self.extractor.device.type),
        )

    def statistics(
        self,
        listing: Listing,
        *,
        group_of: Sequence[int] | None = None,
        keep_features: bool = False,
        shard: int | None = None,
        progress: SideProgress | None = None,
        called: object = None,
    ) -> FolderStatistics:
        """The statistics of a list of images, in the groups of the jackknife.

        `group_of`, `shard`: as `Division` has them. `keep_features`: as `folder_statistics` takes it. `called`: what
        `progress` calls the images, their folder unless given.

        Raises:
            MetricError: as `folder_statistics`.
        """
        return folder_statistics(
            listing,
            self.extractor,
            self.protocol,
            Division(GROUPS, group_of, shard),
            workers=self.workers,
            cache=self.cache,
            keep_features=keep_features,
            progress=None if progress is None else partial(progress, listing.folder if called is None else called),
        )

    def plan(self, listing: Listing, *, keep_features: bool, shard: int) -> ShardPlan:
        """How `statistics` with a cache divides `listing`, from the same arguments."""
        division = Division(GROUPS, shard=shard)
        return statistics_plan(listing, self.extractor, self.protocol, division, keep_features=keep_features)


def _versions(device: str) -> dict[str, str]:
    import numpy
    import PIL
    import torch

    return {"device": device, "torch": torch.__version__, "pillow": PIL.__version__, "numpy": numpy.__version__}
