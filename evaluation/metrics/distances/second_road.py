"""The same distance by another program: torch-fidelity's own reading, resizing, network, statistics and distance.

What it is given are the protocol's pictures of the files that were scored here, as lossless PNG in a folder of its
own: their sizes are never mixed, none is damaged, and the folder's name means nothing to anybody else. Its cache stays
off, for its keys ignore what a folder holds; the weights are those that were checked here, so that it fetches none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.files import disk_full
from common.vision_operators import torchvision_importable
from common.words import nearest
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.extractor import float32_exactly
from evaluation.metrics.features.images import Decoded, Listing, decode_images, default_workers
from evaluation.metrics.features.measure import Measure, SideProgress
from evaluation.metrics.features.parts import BATCH
from evaluation.metrics.features.protocols import PROTOCOLS, Protocol

if TYPE_CHECKING:
    from evaluation.metrics.features.pipeline import FolderStatistics

TORCH_FIDELITY = "torch-fidelity"
ENGINES = (TORCH_FIDELITY,)

_OURS = "drawbench"
"""Under what name our networks are known to torch-fidelity."""


@dataclass(frozen=True)
class SecondRoad:
    """`engine`: the program and its version. `value`: the distance by it. `difference`: its value less ours."""

    engine: str
    value: float
    difference: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"engine": self.engine, "value": self.value, "difference": self.difference}


def check_engine(name: str, protocol: Protocol) -> None:
    """Refuse an engine that there is not, and a protocol that it can't follow. Loads nothing.

    Raises:
        MetricError: either; says what there is.
    """
    if name not in ENGINES:
        raise MetricError(f"There is no engine {name!r}{nearest(name, ENGINES) or '.'} There is: {', '.join(ENGINES)}.")
    if protocol.recipe.to_network != "tensorflow1" or protocol.precision != "float32":
        able = [each.name for each in PROTOCOLS.values() if each.recipe.to_network == "tensorflow1"]
        raise MetricError(
            f"{name} resizes for its network as TensorFlow 1 did, in float32, and the protocol {protocol.name} does "
            f"not. It can compute {', '.join(able)}."
        )


def second_road(
    engine: str,
    sides: tuple[tuple[Listing, FolderStatistics], tuple[Listing, FolderStatistics]],
    measure: Measure,
    ours: float,
    *,
    progress: SideProgress | None = None,
) -> SecondRoad:
    """The distance between two sides by `engine`, whole. `sides`: each list of images with what was scored of it.

    `ours`: the distance that it is compared with.

    Raises:
        MetricError: as `check_engine`, the program is not installed, there is no room for its pictures, or a file was
            changed since it was scored.
    """
    check_engine(engine, measure.protocol)
    package = _package()
    with tempfile.TemporaryDirectory(prefix="drawbench-second-road-") as place:
        folders = [Path(place) / name for name in ("a", "b")]
        for folder, (listing, scored) in zip(folders, sides, strict=True):
            told = None if progress is None else partial(progress, f"pictures for {engine}: {listing.folder}")
            _write_pictures(folder, listing, scored.scored, measure, told)
        with float32_exactly(measure.extractor.device):
            found = package.calculate_metrics(
                input1=str(folders[0]),
                input2=str(folders[1]),
                fid=True,
                cuda=measure.extractor.device.type == "cuda",
                batch_size=BATCH,
                cache=False,
                save_cpu_ram=True,  # no processes of its own, whose shared memory is small in containers
                verbose=False,
                **_network(package, measure, Path(place)),
            )
    value = float(found[package.KEY_METRIC_FID])
    return SecondRoad(f"{engine} {package.__version__}", value, value - ours)


def _package() -> Any:
    torchvision_importable()
    try:
        import torch_fidelity
    except ImportError as error:
        raise MetricError(
            f"torch-fidelity can't be used ({error}). Install it: pip install -r requirements.txt."
        ) from None
    return torch_fidelity


def _write_pictures(folder: Path, listing: Listing, scored: Mapping[str, str], measure: Measure, progress: Any) -> None:
    """The protocol's pictures of what was scored, in order, as PNG."""
    from PIL import Image

    listing = listing.only(set(scored))
    count = len(listing.files)
    workers = measure.workers or default_workers(count)
    side = measure.extractor.info.input_size
    try:
        folder.mkdir()
        for number, item in enumerate(decode_images(listing, measure.protocol.recipe, side, workers=workers)):
            if not isinstance(item, Decoded) or item.sha256 != scored[item.file]:
                raise MetricError(f"{listing.folder}: {item.file} was changed while it was scored. Run this again.")
            Image.fromarray(item.pixels).save(folder / f"{number:08d}.png", compress_level=1)
            if progress is not None:
                progress(number + 1, count)
    except OSError as error:
        if not disk_full(error):
            raise
        raise MetricError(
            f"There is no room in {folder.parent.parent} for the pictures that {TORCH_FIDELITY} reads, about 0.1 MB "
            f"each. Make room, or name a larger folder in TMPDIR."
        ) from None


def _network(package: Any, measure: Measure, place: Path) -> dict[str, Any]:
    """What tells torch-fidelity which network: its own with the weights checked here, or one of ours."""
    import torch

    extractor = measure.extractor
    if extractor.info.name == "inception":
        weights = place / "weights.pth"
        torch.save(extractor.module.state_dict(), weights)
        return {"feature_extractor_weights_path": str(weights)}
    _know_ours(package)
    return {
        "feature_extractor": _OURS,
        "drawbench_module": extractor.module,
        "drawbench_side": extractor.info.input_size,
    }


def _know_ours(package: Any) -> None:
    """Make a network of ours known to torch-fidelity, as an extractor that resizes by torch-fidelity's own code."""
    import torch
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    if _OURS in FEATURE_EXTRACTORS_REGISTRY:
        return

    class Ours(package.FeatureExtractorBase):
        def __init__(self, name: str, layers: list[str], **given: Any) -> None:
            super().__init__(name, layers)
            self.network = given["drawbench_module"]
            self.side = given["drawbench_side"]

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("features",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "features"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
            size = (self.side, self.side)
            resized = interpolate_bilinear_2d_like_tensorflow1x(images.float(), size=size, align_corners=False)
            return (self.network(resized).float(),)

    package.register_feature_extractor(_OURS, Ours)
