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
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.extractor import Extractor
from evaluation.metrics.features.extractors import load_extractor
from evaluation.metrics.features.images import (
    default_workers,
    list_images,
    skipped_record,
)
from evaluation.metrics.features.jackknife import GROUPS
from evaluation.metrics.features.moments import load_moments, load_record, save_moments
from evaluation.metrics.features.parts import (
    BATCH,
    GPU_BATCH,
    Part,
    Progress,
    Stretch,
    join_parts,
    part_from,
    part_record,
    score_part,
)
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, PROTOCOLS, protocol_by_name
from evaluation.metrics.features.shard_plan import ShardPlan, plan_shards, read_plan
from evaluation.metrics.features.stored import FeatureWriter, join_features


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
            Stretch(plan.listing, start, stop, plan.group_of, plan.groups, plan.batch),
            extractor,
            plan.protocol,
            workers=workers or default_workers(stop - start),
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
        told = _take_part(refuse_repeated(parser).parse_args(arguments))
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
    merged = options.work / "statistics.npz"
    save_moments(whole.groups, merged, {"key": plan.key, **part_record(whole)})
    return {
        "shards": plan.shards,
        "images": sum(group.count for group in whole.groups),
        "skipped": skipped_record((*plan.listing.skipped, *whole.skipped)),
        "statistics": str(merged),
    }


if __name__ == "__main__":
    raise SystemExit(main())
