"""How a list of images is divided into shards: the plan that all who score them read, with the key of its input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from common.files import write_text
from common.hashes import files_hash, hash_of
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.extractor import ExtractorInfo
from evaluation.metrics.features.extractors import extractor_by_name
from evaluation.metrics.features.images import Listing, Skipped, file_hashes
from evaluation.metrics.features.jackknife import jackknife_groups
from evaluation.metrics.features.parts import BATCH
from evaluation.metrics.features.protocols import Protocol, protocol_from

_VERSION = 2
"""Counts up when the same input gives other statistics."""
PLAN = "plan.json"


@dataclass(frozen=True)
class ShardPlan:
    """Who scores what. `bounds`: (first, after last) of the files of each shard. `group_of`: each file's group.

    `key`: a hash over all that the result depends on, but the machine. `hashes`: of the files when it was planned.
    """

    key: str
    listing: Listing
    hashes: Mapping[str, str]
    extractor: str
    protocol: Protocol
    groups: int
    group_of: tuple[int, ...]
    batch: int
    bounds: tuple[tuple[int, int], ...]
    keep_features: bool

    @property
    def shards(self) -> int:
        """How many there are."""
        return len(self.bounds)


def plan_shards(
    listing: Listing,
    work: Path,
    *,
    extractor: str,
    protocol: Protocol,
    shards: int,
    groups: int,
    batch: int = BATCH,
    keep_features: bool = True,
) -> ShardPlan:
    """Divide `listing` into at most `shards` stretches of whole batches, and write the plan into the folder `work`.

    Needs no torch. The same input gives the same plan; a plan for something else that lies in `work` is refused.
    `groups`: for the jackknife. `batch`: images that pass the network together, `parts.GPU_BATCH` for GPUs.
    `keep_features`: rows are kept too (8 KB an image).

    Raises:
        MetricError: fewer than one shard, no such extractor, or `work` holds another plan.
    """
    plan = make_plan(
        listing,
        extractor_by_name(extractor),
        protocol,
        shards=shards,
        groups=groups,
        group_of=jackknife_groups(listing.files, groups),
        batch=batch,
        keep_features=keep_features,
    )
    write_plan(plan, work)
    return plan


def make_plan(
    listing: Listing,
    info: ExtractorInfo,
    protocol: Protocol,
    *,
    shards: int,
    groups: int,
    group_of: Sequence[int],
    batch: int,
    keep_features: bool,
) -> ShardPlan:
    """The plan alone, written nowhere. `group_of`: the jackknife group of each file."""
    if shards < 1:
        raise MetricError(f"There is no plan for {shards} shards; it takes one or more.")
    hashes = file_hashes(listing)
    batches = -(-len(listing.files) // batch)
    edges = [round(i * batches / min(shards, batches)) * batch for i in range(min(shards, batches) + 1)]
    bounds = tuple((a, min(b, len(listing.files))) for a, b in pairwise(edges))
    depends_on = {
        "version": _VERSION,
        "images": files_hash(hashes),
        "extractor": [info.name, info.sha256],
        "protocol": protocol.manifest(network_size=info.input_size),
        "groups": [groups, hash_of(list(group_of), spaced=True)],
        "batch": batch,
    }
    key = hash_of(depends_on, spaced=True)
    return ShardPlan(key, listing, hashes, info.name, protocol, groups, tuple(group_of), batch, bounds, keep_features)


def read_plan(work: Path) -> ShardPlan:
    """The plan that lies in `work`.

    Raises:
        MetricError: there is none.
    """
    try:
        data = json.loads((work / PLAN).read_bytes())
        places = data["places"]
        return ShardPlan(
            key=data["key"],
            listing=Listing(
                Path(data["folder"]),
                tuple(data["files"]),
                tuple(Skipped(**entry) for entry in data["skipped"]),
                None if places is None else {file: Path(place) for file, place in places.items()},
            ),
            hashes=data["hashes"],
            extractor=data["extractor"],
            protocol=protocol_from(data["protocol"]),
            groups=data["groups"],
            group_of=tuple(data["group_of"]),
            batch=data["batch"],
            bounds=tuple((a, b) for a, b in data["bounds"]),
            keep_features=data["keep_features"],
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise MetricError(f"There is no plan of shards in {work} ({error}). plan_shards writes one.") from None


def write_plan(plan: ShardPlan, work: Path) -> None:
    """Write `plan` into `work`. Raises `MetricError` where another plan lies there."""
    try:
        there: ShardPlan | None = read_plan(work)
    except MetricError:
        there = None
    if there is not None and (there.key, there.bounds, there.keep_features) != (
        plan.key,
        plan.bounds,
        plan.keep_features,
    ):
        raise MetricError(
            f"{work} holds shards of something else (other images, protocol, extractor, or another number of shards). "
            f"Give an empty folder."
        )
    listing = plan.listing
    data: dict[str, Any] = {
        "key": plan.key,
        "folder": str(listing.folder.absolute()),
        "files": listing.files,
        "skipped": [asdict(skip) for skip in listing.skipped],
        "places": None
        if listing.places is None
        else {file: str(place.absolute()) for file, place in listing.places.items()},
        "hashes": plan.hashes,
        "extractor": plan.extractor,
        "protocol": plan.protocol.data(),
        "groups": plan.groups,
        "group_of": plan.group_of,
        "batch": plan.batch,
        "bounds": plan.bounds,
        "keep_features": plan.keep_features,
    }
    write_text(work / PLAN, json.dumps(data))
