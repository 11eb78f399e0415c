"""CLIP and SigLIP as a user brings them: images and texts to unit vectors whose products are cosines.

Radford et al. (2021), "Learning transferable visual models from natural language supervision"; Zhai et al. (2023),
"Sigmoid loss for language image pre-training". Images are prepared here with Pillow, as the models' own processors do
(shorter side, centre crop, mean and deviation of the folder's preprocessor_config.json), so that the numbers do not
depend on whether torchvision is installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.json_in import read_json
from common.vision_operators import torchvision_importable
from evaluation.metrics.brought import Brought, Wanted, load_network
from evaluation.metrics.errors import MetricError
from evaluation.metrics.shapes import OTHER_SHAPES, SHORTER, SQUASHED
from evaluation.suites.types import JsonValue

if TYPE_CHECKING:
    import torch
    from torch import nn

CLIP = Wanted("CLIP", ("clip", "siglip"), "the folder of openai/clip-vit-large-patch14-336")

Rows = NDArray[np.float32]

_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""CLIP's own, for folders without a preprocessor's configuration."""


@dataclass(frozen=True)
class Preparation:
    """How an image becomes the network's input. `shorter`: pixels of the shorter side after the resize, or None where
    it is squashed to `size` at once. `size`: (height, width) of the input. `resample`: Pillow's number of the filter.
    """

    shorter: int | None
    size: tuple[int, int]
    resample: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def pixels(self, image: Image.Image) -> NDArray[np.float32]:
        """An RGB image as (3, height, width), normalised."""
        height, width = self.size
        resample = Image.Resampling(self.resample)
        if self.shorter is None:
            image = image.resize((width, height), resample)
        else:
            short, long = sorted(image.size)
            other = int(self.shorter * long / short)
            size = (self.shorter, other) if image.width <= image.height else (other, self.shorter)
            image = image.resize(size, resample)
            left, top = (image.width - width) // 2, (image.height - height) // 2
            image = image.crop((left, top, left + width, top + height))
        scaled = np.asarray(image, dtype=np.float32) / np.float32(255)
        normal = (scaled - np.asarray(self.mean, dtype=np.float32)) / np.asarray(self.std, dtype=np.float32)
        return np.ascontiguousarray(normal.transpose(2, 0, 1))


def preparation(brought: Brought) -> Preparation:
    """The preparation that the folder's own files ask for.

    Raises:
        MetricError: they ask for steps that are not taken here.
    """
    found = _processor_config(brought.path)
    vision = brought.config.get("vision_config") or brought.config
    side = int(vision.get("image_size", 224))
    size, crop = found.get("size", {"shortest_edge": side}), found.get("crop_size", {"height": side, "width": side})
    size = {"shortest_edge": size} if isinstance(size, int) else size
    crop = {"height": crop, "width": crop} if isinstance(crop, int) else crop
    shorter = size.get("shortest_edge")
    if shorter is None and "height" not in size:
        raise MetricError(f"{brought.path} asks for images of the size {size}; a side or height and width are taken.")
    if shorter is not None and not found.get("do_center_crop", True):
        raise MetricError(
            f"{brought.path} asks for images without a centre crop, of all shapes; that is not taken here."
        )
    height, width = (crop["height"], crop["width"]) if shorter is not None else (size["height"], size["width"])
    plain = brought.model_type == "siglip"
    return Preparation(
        shorter=None if shorter is None else int(shorter),
        size=(int(height), int(width)),
        resample=int(found.get("resample", 3)),
        mean=tuple(found.get("image_mean") or ((0.5, 0.5, 0.5) if plain else _MEAN)),
        std=tuple(found.get("image_std") or ((0.5, 0.5, 0.5) if plain else _STD)),
    )


@dataclass(frozen=True)
class Text:
    """A text as embedded. `row`: its unit vector. `tokens`: how many it has; `cut`: the last ones were left out."""

    row: Rows
    tokens: int
    cut: bool


@dataclass(frozen=True)
class ClipModel:
    """A loaded CLIP or SigLIP. `name`: how results name it."""

    brought: Brought
    prepare: Preparation
    model: nn.Module
    tokenizer: Any
    device: torch.device

    @property
    def name(self) -> str:
        """ "CLIP ViT-L/14-336 as brought: clip-vit-large, sha256 1a2b3c4d"."""
        kind = {"clip": "CLIP", "siglip": "SigLIP"}[self.brought.model_type]
        return f"{kind} {architecture(self.brought.config)} as brought: {self.brought.name}"

    def provenance(self) -> dict[str, JsonValue]:
        """What a number depends on, ready for JSON."""
        import torch
        import transformers

        return {
            **self.brought.provenance(),
            "architecture": architecture(self.brought.config),
            "image_size": list(self.prepare.size),
            OTHER_SHAPES: SQUASHED if self.prepare.shorter is None else SHORTER,
            "longest_text": self.longest_text,
            "dtype": "float32, TF32 off",
            "device": self.device.type,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    @property
    def longest_text(self) -> int:
        """Tokens that a text may have, its ends included (77 in CLIP)."""
        return int(self.brought.config.get("text_config", {}).get("max_position_embeddings") or self._positions())

    def _positions(self) -> int:
        return int(self.model.text_model.config.max_position_embeddings)  # type: ignore[union-attr, arg-type]

    def images(self, images: Sequence[Image.Image]) -> Rows:
        """(n, d) unit vectors of n RGB images."""
        import torch

        from evaluation.metrics.devices import exact_float32

        pixels = torch.from_numpy(np.stack([self.prepare.pixels(image) for image in images])).to(self.device)
        with torch.inference_mode(), exact_float32():
            rows = self.model.vision_model(pixel_values=pixels).pooler_output  # type: ignore[operator]
            projection = getattr(self.model, "visual_projection", None)
            return _unit(projection(rows) if projection is not None else rows)

    def texts(self, texts: Sequence[str]) -> list[Text]:
        """Each text's unit vector; longer ones than the model takes are cut at their end, and say so."""
        import torch

        from evaluation.metrics.devices import exact_float32

        longest = self.longest_text
        counts = [len(ids) for ids in self.tokenizer(list(texts))["input_ids"]]
        fixed = self.brought.model_type == "siglip"  # trained on texts of the full length
        ready = self.tokenizer(
            list(texts),
            padding="max_length" if fixed else True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        )
        given = {name: ready[name].to(self.device) for name in ("input_ids", "attention_mask") if name in ready}
        if fixed:
            given.pop("attention_mask", None)  # SigLIP was trained without one
        with torch.inference_mode(), exact_float32():
            rows = self.model.text_model(**given).pooler_output  # type: ignore[operator]
            projection = getattr(self.model, "text_projection", None)
            unit = _unit(projection(rows) if projection is not None else rows)
        return [Text(row, count, count > longest) for row, count in zip(unit, counts, strict=True)]


def load_clip(brought: Brought, device: str | None = None) -> ClipModel:
    """The CLIP or SigLIP in a folder, ready on `device` (a GPU where there is one, unless given).

    Raises:
        MetricError: its files are not whole or do not fit together.
    """
    torchvision_importable()
    from transformers import AutoModel, AutoTokenizer

    from evaluation.metrics.devices import pick_device

    where = pick_device(device)
    prepare = preparation(brought)
    model, tokenizer = load_network(brought, AutoModel, AutoTokenizer)
    return ClipModel(brought, prepare, model.to(where), tokenizer, where)


def architecture(config: Mapping[str, Any]) -> str:
    """ "ViT-B/32" from a configuration; "ViT-L/14-336" where the images are not 224 pixels wide."""
    vision = config.get("vision_config") or config
    width = int(vision.get("hidden_size", 768))
    size = {384: "S", 768: "B", 1024: "L", 1280: "H", 1408: "g", 1536: "g", 1664: "G"}.get(width, f"width {width}")
    side = int(vision.get("image_size", 224))
    return f"ViT-{size}/{vision.get('patch_size', 32)}" + (f"-{side}" if side != 224 else "")


def _unit(rows: torch.Tensor) -> Rows:
    rows = rows.float()
    return np.asarray((rows / rows.norm(dim=-1, keepdim=True)).cpu().numpy(), dtype=np.float32)


def _processor_config(path: Path) -> dict[str, Any]:
    for name in ("preprocessor_config.json", "processor_config.json"):
        try:
            found = read_json((path / name).read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(found, dict):
            inner = found.get("image_processor", found)
            return inner if isinstance(inner, dict) else found
    return {}
