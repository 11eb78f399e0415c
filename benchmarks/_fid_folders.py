"""Folders of images scored by us and by the peers of benchmarks/fid.py, and our pipeline's stages and memory."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.places import CHECKOUT
from common.vision_operators import torchvision_importable

Array = NDArray[np.float64]


PEERS = CHECKOUT / ".tools" / "peers"
"""Where `./dev` installs requirements-peers.txt."""


def torch_fidelity() -> ModuleType:
    """The package, and the other peers on the path."""
    torchvision_importable()
    if str(PEERS) not in sys.path:
        sys.path.append(str(PEERS))
    return importlib.import_module("torch_fidelity")


def make_images(folder: Path, count: int, sets: Sequence[str] = ("a", "b")) -> None:
    """Folders of 256 x 256 PNGs with detail, as generated images have."""
    from PIL import Image

    for seed, name in enumerate(sets):
        (folder / name).mkdir(parents=True)
        rng = np.random.default_rng(seed)
        for i in range(count):
            small = Image.fromarray(rng.integers(0, 256, (64 >> (i % 3), 64 >> (i % 3), 3), dtype=np.uint8))
            small.resize((256, 256), Image.Resampling.BICUBIC).save(folder / name / f"{i:05d}.png")


def make_weights(path: Path) -> None:
    """Random weights under which features keep their spread through the layers."""
    import torch

    from evaluation.metrics.features.inception import FIDInception

    torch.manual_seed(0)
    network = FIDInception()
    for name, value in network.state_dict().items():
        if name.endswith("conv.weight"):
            torch.nn.init.kaiming_normal_(value)
        elif name.endswith("bn.running_mean"):
            value.normal_(0, 0.1)
    torch.save(network.state_dict(), path)


def _network(weights: Path) -> Any:
    import torch

    from evaluation.metrics.features.inception import FIDInception

    network = FIDInception()
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval().requires_grad_(False)


def _extractor(weights: Path, device: str) -> Any:
    import torch

    from evaluation.metrics.features.extractor import Extractor, prepare_module
    from evaluation.metrics.features.extractors import EXTRACTORS

    where = torch.device(device)
    return Extractor(EXTRACTORS["inception"], prepare_module(_network(weights)).to(where), where)


def folders_own(folder: Path, weights: Path, device: str = "cpu") -> Iterator[Any]:
    from evaluation.metrics.features.moments import distance
    from evaluation.metrics.features.pipeline import folder_statistics
    from evaluation.metrics.features.protocols import PROTOCOLS

    extractor = _extractor(weights, device)
    yield
    made = [folder_statistics(folder / name, extractor, PROTOCOLS["imagen-full"]).total() for name in ("a", "b")]
    yield distance(*made)


def folders_torch_fidelity(folder: Path, weights: Path) -> Iterator[Any]:
    package = torch_fidelity()
    yield
    yield package.calculate_metrics(
        input1=str(folder / "a"),
        input2=str(folder / "b"),
        fid=True,
        cuda=False,
        cache=False,
        verbose=False,
        batch_size=32,
        feature_extractor_weights_path=str(weights),
    )["frechet_inception_distance"]


def folders_torchmetrics(folder: Path, weights: Path) -> Iterator[Any]:
    """Its network is torch-fidelity's; images are read as its documentation leaves to the user, by Pillow in 2 workers.

    It can't be told to resize as torch-fidelity does: it antialiases, hence its value.
    """
    torch_fidelity()
    import torch
    from PIL import Image
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Images(torch.utils.data.Dataset[torch.Tensor]):
        def __init__(self, place: Path) -> None:
            self.files = sorted(place.iterdir())

        def __len__(self) -> int:
            return len(self.files)

        def __getitem__(self, index: int) -> torch.Tensor:
            with Image.open(self.files[index]) as image:
                return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)

    metric = FrechetInceptionDistance(feature=2048, feature_extractor_weights_path=str(weights))
    yield
    with torch.inference_mode():
        for name in ("a", "b"):
            for batch in torch.utils.data.DataLoader(Images(folder / name), batch_size=32, num_workers=2):
                metric.update(batch, real=name == "b")
    yield float(metric.compute())


def folders_pytorch_fid(folder: Path, weights: Path) -> Iterator[Any]:
    torch_fidelity()
    import torch
    from pytorch_fid import fid_score, inception

    inception.load_state_dict_from_url = lambda *_, **__: torch.load(weights, weights_only=True)
    network = inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[2048]])
    yield
    activations = [
        fid_score.get_activations(sorted((folder / name).iterdir()), network, 32, num_workers=2) for name in ("a", "b")
    ]
    yield _sqrtm_free(*activations)


def folders_clean_fid(folder: Path, weights: Path) -> Iterator[Any]:
    torch_fidelity()
    sys.modules.setdefault("requests", ModuleType("requests"))  # for its downloads, of which there are none here
    import torch
    from cleanfid.fid import get_folder_features

    network = _network(weights)
    yield
    features = [
        get_folder_features(
            str(folder / name), network, num_workers=2, batch_size=32, device=torch.device("cpu"), verbose=False
        )
        for name in ("a", "b")
    ]
    yield _sqrtm_free(*features)


def _sqrtm_free(x: Array, y: Array) -> float:
    """The peers' own last step fails with scipy 1.18 or takes minutes; it is compared above."""
    from evaluation.metrics.frechet import frechet_distance_of_features

    return frechet_distance_of_features(x, y)


def memory_own(folder: Path, images: int) -> Iterator[Any]:
    """The bundled network on the first `images` files: what grows with their number, if anything does."""
    from evaluation.metrics.features.extractors import load_extractor
    from evaluation.metrics.features.images import list_images
    from evaluation.metrics.features.pipeline import folder_statistics
    from evaluation.metrics.features.protocols import PROTOCOLS

    extractor = load_extractor("efficientnet-lite0", device="cpu")
    listing = list_images(folder)
    listing = listing.only(set(listing.files[:images]))
    yield
    made = folder_statistics(listing, extractor, PROTOCOLS["imagen-full"], cache=folder / "cache", keep_features=True)
    yield float(np.trace(made.total().covariance()))


def stage_decode(folder: Path, weights: Path, device: str, workers: int) -> Iterator[Any]:
    from evaluation.metrics.features.images import decode_images, list_images
    from evaluation.metrics.features.protocols import PROTOCOLS

    listing = list_images(folder / "a")
    yield
    yield sum(1 for _ in decode_images(listing, PROTOCOLS["imagen-full"].recipe, 299, workers=workers))


def stage_forward(folder: Path, weights: Path, device: str, workers: int) -> Iterator[Any]:
    from evaluation.metrics.features.parts import BATCH, GPU_BATCH
    from evaluation.metrics.features.protocols import PROTOCOLS

    extractor = _extractor(weights, device)
    size = GPU_BATCH if device.startswith("cuda") else BATCH
    images = [np.random.default_rng(i).integers(0, 256, (256, 256, 3), dtype=np.uint8) for i in range(size)]
    protocol = PROTOCOLS["imagen-full"]
    extractor.features_of(images, protocol)  # a GPU's first batch loads its kernels
    count = len(list((folder / "a").iterdir()))
    yield
    waiting: Callable[[], Any] | None = None
    for start in range(0, count, size):
        begun = extractor.begin(images[: count - start], protocol)
        if waiting is not None:
            waiting()
        waiting = begun
    if waiting is not None:
        waiting()
    yield count


def stage_whole(folder: Path, weights: Path, device: str, workers: int) -> Iterator[Any]:
    from evaluation.metrics.features.pipeline import folder_statistics
    from evaluation.metrics.features.protocols import PROTOCOLS

    extractor = _extractor(weights, device)
    extractor.features_of([np.zeros((256, 256, 3), dtype=np.uint8)], PROTOCOLS["imagen-full"])
    yield
    made = folder_statistics(folder / "a", extractor, PROTOCOLS["imagen-full"], workers=workers)
    yield made.total().count
