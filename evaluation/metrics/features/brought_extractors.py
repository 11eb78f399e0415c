"""Feature extractors that a user brings: `dinov2:FOLDER` and `clip:FOLDER` beside the ones known by hash.

FOLDER is the name of a folder in the weight folders (`var/weights`), or a path. What is computed with them is named by
the folder and its hash, and never FID: Stein et al. (2023), "Exposing flaws of generative model evaluation metrics",
call the Frechet distance on DINOv2 ViT-L/14's class token FD-DINOv2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.vision_operators import torchvision_importable
from evaluation.metrics.brought import Brought, Wanted, find_brought, load_network, read_brought
from evaluation.metrics.features.extractor import Extractor, ExtractorInfo, prepare_module

if TYPE_CHECKING:
    import torch
    from torch import nn


DINOV2 = Wanted("DINOv2", ("dinov2", "dinov2_with_registers"), "the folder of facebook/dinov2-large")

CLIP_IMAGES = Wanted("CLIP", ("clip",), "the folder of openai/clip-vit-large-patch14-336")

BROUGHT: Mapping[str, Wanted] = {"dinov2": DINOV2, "clip": CLIP_IMAGES}
"""What may stand before the colon."""


def is_brought(name: str) -> bool:
    """Whether `name` asks for an extractor that a user brings."""
    return name.partition(":")[0] in BROUGHT and ":" in name


def brought_info(name: str, folders: Sequence[Path] = ()) -> ExtractorInfo:
    """The extractor that "dinov2:FOLDER" or "clip:FOLDER" names, told by the hash of its folder. Loads no torch.

    Raises:
        MetricError: there is no such folder, or it holds something else.
    """
    kind, _, place = name.partition(":")
    wanted = BROUGHT[kind]
    if "/" in place or "\\" in place:
        brought = read_brought(wanted, Path(place).expanduser())
    else:
        brought = find_brought(wanted, {"model": place}, folders)
    from evaluation.metrics.features.clip import architecture

    vision = brought.config.get("vision_config") or brought.config
    if kind == "dinov2":
        label, features = f"FD-DINOv2 ({architecture(vision)}, {brought.name})", int(vision["hidden_size"])
    else:
        label = f"Frechet distance (CLIP {architecture(vision)} features, {brought.name})"
        features = int(brought.config.get("projection_dim", 512))
    return ExtractorInfo(
        name=name,
        label=label,
        features=features,
        input_size=_side(brought, kind),
        sha256=brought.sha256,
        files=(brought.path.name,),
        how=f"Bring {wanted.example}.",
        network=lambda: _network(kind, brought),
        packaged=lambda: None,
    )


def load_brought(name: str, *, folders: Sequence[Path] = (), device: str | None = None) -> Extractor:
    """The extractor of `brought_info`, loaded.

    Raises:
        MetricError: there is no such folder, its files are not whole, or the device can't be used.
    """
    from evaluation.metrics.devices import pick_device

    info = brought_info(name, folders)
    where = pick_device(device)
    return Extractor(info, prepare_module(info.network()).to(where), where)


def _side(brought: Brought, kind: str) -> int:
    """Pixels a side. DINOv2 was trained at 518 last and is used at 224, by its own processor and by Stein et al."""
    if kind == "dinov2":
        patch = int(brought.config.get("patch_size", 14))
        return (
            224 // patch * patch if int(brought.config.get("image_size", 518)) > 224 else brought.config["image_size"]
        )
    return int((brought.config.get("vision_config") or {}).get("image_size", 224))


def _network(kind: str, brought: Brought) -> nn.Module:
    torchvision_importable()
    from torch import nn
    from transformers import CLIPVisionModelWithProjection, Dinov2Model, Dinov2WithRegistersModel

    from evaluation.metrics.features.clip import preparation

    if kind == "clip":
        model_class: Any = CLIPVisionModelWithProjection
        prepare = preparation(brought)
        mean, std = prepare.mean, prepare.std
    else:
        model_class = Dinov2Model if brought.model_type == "dinov2" else Dinov2WithRegistersModel
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as in training
    (model,) = load_network(brought, model_class)

    class Features(nn.Module):
        """(n, 3, side, side) in 0..255 to (n, features): DINOv2's class token, CLIP's projected image vector."""

        def __init__(self) -> None:
            import torch

            super().__init__()
            self.model = model
            self.mean: torch.Tensor
            self.std: torch.Tensor
            self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
            self.register_buffer("std", 255 * torch.tensor(std).view(1, 3, 1, 1), persistent=False)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            """Features, float32."""
            out = self.model(pixel_values=(images - self.mean) / self.std)
            rows: torch.Tensor = out.image_embeds if kind == "clip" else out.pooler_output
            return rows

    return Features()
