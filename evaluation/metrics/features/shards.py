r"""A list of images scored in shards, on as many processes or machines as there are, and merged to one result.

    plan_shards (once) -> score_shard (each, anywhere, in any order, again if need be) -> merge_shards (once)

They meet in a folder that all can reach: `plan.json`, and a `.npz` of mergeable moments (and a `.npy` of features) for
each shard. The result does not depend on the division: features are the same bit for bit (`parts`), and moments merge
to what one process would have counted, to rounding in float64. A shard that is there is not scored again, so whatever
was interrupted goes on where it was.

    torchrun --standalone --nproc-per-node 2 -m evaluation.metrics.features.shards IMAGES --work FOLDER \
        --extractor inception
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from common.commands import BAD_INPUT, SUCCESS
from common.files import write_text
from common.hashes import files_hash, hash_of
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.extractor import Extractor, ExtractorInfo
from evaluation.metrics.features.extractors import extractor_by_name, load_extractor
from evaluation.metrics.features.images import Listing, Skipped, default_workers, file_hashes, list_images
from evaluation.metrics.features.jackknife import GROUPS, jackknife_groups
from evaluation.metrics.features.moments import load_moments, load_record, save_moments
from evaluation.metrics.features.parts import (
    BATCH,
    GPU_BATCH,
    Part,
    Progress,
    join_parts,
    part_from,
    part_record,
    score_part,
)
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, PROTOCOLS, Protocol, protocol_by_name, protocol_from
from evaluation.metrics.features.stored import FeatureWriter, join_features

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
    weight_folders: Sequence[Path] = (),
) -> ShardPlan:
    """Divide `listing` into at most `shards` stretches of whole batches, and write the plan into the folder `work`.

    Needs no torch. The same input gives the same plan; a plan for something else that lies in `work` is refused.
    `groups`: for the jackknife. `batch`: images that pass the network together, `parts.GPU_BATCH` for GPUs.
    `keep_features`: rows are kept too (8 KB an image). `weight_folders`: for networks that users bring.

    Raises:
        MetricError: fewer than one shard, no such extractor, or `work` holds another plan.
    """
    plan = make_plan(
        listing,
        extractor_by_name(extractor, weight_folders),
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


def score_shard(
    work: Path,
    shard: int,
    *,
    extractor: Extractor | None = None,
    weights: Path | None = None,
    weight_folders: Sequence[Path] = (),
    device: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Score shard number `shard` (from 0) of the plan in `work`, unless it is there already.

    `extractor`: a loaded one; otherwise it is loaded as `load_extractor` does from the arguments after it.

    Raises:
        MetricError: no such shard, weights that are missing or wrong, or files that changed since the plan was made.
    """
    plan = read_plan(work)
    if not 0 <= shard < plan.shards:
        raise MetricError(f"There is no shard {shard} in {work}: they are 0 to {plan.shards - 1}.")
    if extractor is None:
        extractor = load_extractor(plan.extractor, weights, folders=weight_folders, device=device)
    if shard_done(work, plan, shard, extractor):
        return
    start, stop = plan.bounds[shard]
    features = _features_path(work, plan, shard)
    with FeatureWriter(features, extractor.info.features) if plan.keep_features else nullcontext() as writer:
        part = score_part(
            plan.listing,
            start,
            stop,
            extractor,
            plan.protocol,
            group_of=plan.group_of,
            groups=plan.groups,
            workers=workers or default_workers(stop - start),
            batch=plan.batch,
            features=writer,
            progress=progress,
        )
    changed = [
        file
        for file, sha in part.seen.items()
        if sha != plan.hashes[file] and (sha or not plan.listing.place(file).is_file())
    ]
    if changed:
        features.unlink(missing_ok=True)
        raise MetricError(
            f"{plan.listing.place(changed[0])} is not what it was when the shards were planned"
            f"{f', and {len(changed) - 1:,} more files' if len(changed) > 1 else ''}. Plan anew."
        )
    record = {"key": plan.key, "made_with": made_with(extractor), **part_record(part)}
    save_moments(part.groups, _part_path(work, plan, shard), record)


def shard_done(work: Path, plan: ShardPlan, shard: int, extractor: Extractor | None = None) -> bool:
    """Whether the shard is there, whole, and made as `extractor` would make it (with none given: made at all)."""
    if plan.keep_features and not _features_path(work, plan, shard).is_file():
        return False
    try:
        record = load_record(_part_path(work, plan, shard))
    except MetricError:
        return False
    return record.get("key") == plan.key and (extractor is None or record.get("made_with") == made_with(extractor))


def merge_shards(work: Path) -> Part:
    """All shards of the plan in `work` as one; its features, where kept, in `merged_features(work)`.

    Raises:
        MetricError: shards are missing, or were made on different kinds of devices or with different libraries.
    """
    plan = read_plan(work)
    missing = [shard for shard in range(plan.shards) if not shard_done(work, plan, shard)]
    if missing:
        raise MetricError(
            f"Of {plan.shards} shards in {work}, these have not been scored: {', '.join(map(str, missing))}."
        )
    made = {json.dumps(load_record(_part_path(work, plan, n)).get("made_with")): n for n in range(plan.shards)}
    if len(made) > 1:
        (first, a), (second, b) = list(made.items())[:2]
        raise MetricError(
            f"Shards {a} and {b} were made in different ways ({first}; {second}), which moves the last digits. Score "
            f"all shards on one kind of device with the same libraries."
        )
    loaded = (load_moments(_part_path(work, plan, shard)) for shard in range(plan.shards))
    whole = join_parts((part_from(*found) for found in loaded), plan.protocol)
    if plan.keep_features:
        rows = sum(group.count for group in whole.groups)
        paths = [_features_path(work, plan, shard) for shard in range(plan.shards)]
        join_features(paths, merged_features(work), features=whole.groups[0].features, rows=rows)
    return whole


def merged_features(work: Path) -> Path:
    """Where `merge_shards` puts the features of all images."""
    return work / "features.npy"


def made_with(extractor: Extractor) -> list[str]:
    """The device and libraries, as far as they move the last digits."""
    import PIL
    import torch

    device = extractor.device.type
    if device == "cuda":
        device = torch.cuda.get_device_name(extractor.device)
    return [device, PIL.__version__, torch.__version__, np.__version__]


def _part_path(work: Path, plan: ShardPlan, shard: int) -> Path:
    return work / f"shard-{shard:04d}-of-{plan.shards:04d}.npz"


def _features_path(work: Path, plan: ShardPlan, shard: int) -> Path:
    return work / f"shard-{shard:04d}-of-{plan.shards:04d}.npy"


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


def main(arguments: Sequence[str] | None = None) -> int:
    """One process of a `torchrun`: scores its shards; the first also plans before and merges after. 2 on bad input."""
    parser = argparse.ArgumentParser(description="Score a folder of images in shards: a process a shard (torchrun).")
    parser.add_argument("images", type=Path, help="the folder, searched with its subfolders")
    parser.add_argument("--work", type=Path, required=True, help="a folder that all processes can reach")
    parser.add_argument("--extractor", required=True, help="inception or efficientnet-lite0")
    parser.add_argument("--weights", type=Path, help="the extractor's weight file")
    parser.add_argument("--protocol", default=DEFAULT_PROTOCOL, help=f"{', '.join(PROTOCOLS)} ({DEFAULT_PROTOCOL})")
    parser.add_argument("--shards", type=int, help="one a process unless given; more to go on from after a stop")
    parser.add_argument("--groups", type=int, default=GROUPS, help="jackknife groups")
    parser.add_argument("--device", help="cpu or cuda; the process's own GPU where there are GPUs, unless given")
    parser.add_argument("--workers", type=int, help="decoding processes of each process")
    parser.add_argument("--no-features", action="store_true", help="keep moments alone")
    try:
        told = _take_part(parser.parse_args(arguments))
    except MetricError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT
    if told is not None:
        print(json.dumps(told))
    return SUCCESS


def _take_part(options: argparse.Namespace) -> dict[str, Any] | None:
    import torch
    from torch import distributed

    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    device = options.device
    if device is None and torch.cuda.is_available():
        device = f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"
    if world > 1:  # no tensors are exchanged: the processes only wait for each other
        distributed.init_process_group("gloo", timeout=timedelta(days=7))
    if rank == 0:
        plan_shards(
            list_images(options.images),
            options.work,
            extractor=options.extractor,
            protocol=protocol_by_name(options.protocol),
            shards=options.shards or world,
            groups=options.groups,
            batch=GPU_BATCH if (device or "cpu").startswith("cuda") else BATCH,
            keep_features=not options.no_features,
        )
    if world > 1:
        distributed.barrier()
    plan = read_plan(options.work)
    extractor = load_extractor(plan.extractor, options.weights, device=device or "cpu")
    for shard in range(rank, plan.shards, world):
        score_shard(options.work, shard, extractor=extractor, workers=options.workers)
    if world > 1:
        distributed.barrier()
        distributed.destroy_process_group()
    if rank:
        return None
    whole = merge_shards(options.work)
    save_moments(whole.groups, options.work / "statistics.npz", {"key": plan.key, **part_record(whole)})
    return {
        "shards": plan.shards,
        "images": sum(group.count for group in whole.groups),
        "skipped": [{"file": skip.file, "why": skip.why} for skip in (*plan.listing.skipped, *whole.skipped)],
        "statistics": str(options.work / "statistics.npz"),
    }


if __name__ == "__main__":
    raise SystemExit(main())
