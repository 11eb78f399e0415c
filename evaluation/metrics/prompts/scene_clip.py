"""The scene CLIP of the bundled world in CLIP's place: what `clip-score` takes where no CLIP was brought, or by name.

It is no CLIP, and every label says so: two small networks, trained on our own renders alone, that know the bundled
world's things, colours, counts and places. Its numbers mean something for pictures of that world alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.errors import UserError
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.clip import Rows, Text
from evaluation.metrics.shapes import MIDDLE, OTHER_SHAPES
from evaluation.suites.types import JsonValue

NAME = "scene-clip"
"""As the parameter `model`."""

MODULE = "generators.world.scene_clip.load"


@dataclass(frozen=True)
class SceneClipModel:
    """The scene CLIP with the same questions as `clip.ClipModel`.

    `look`: an image to the pixels that it looks at, those of the middle square. `see`, `read`: pixels and texts to unit
    vectors, and for texts how many tokens they have and how many were cut. `about`: what its file says of it.
    """

    title: str
    look: Callable[[Image.Image], NDArray[np.uint8]]
    see: Callable[[NDArray[np.uint8]], Rows]
    read: Callable[[Sequence[str]], tuple[Rows, Sequence[tuple[int, int]]]]
    about: dict[str, JsonValue]
    sha256: str
    longest_text: int
    device: str

    @property
    def name(self) -> str:
        """ "scene CLIP of the bundled world (not CLIP), sha256 1a2b3c4d"."""
        return f"{self.title}, sha256 {self.sha256[:8]}"

    def provenance(self) -> dict[str, JsonValue]:
        """Its file's hash, what it was trained on and what it measured, and the device."""
        return {
            "model": NAME,
            "model_sha256": self.sha256,
            "brought_by_user": False,
            "about": self.about,
            OTHER_SHAPES: MIDDLE,
            "device": self.device,
        }

    def images(self, images: Sequence[Image.Image]) -> Rows:
        """(n, d) unit vectors of n RGB images."""
        return self.see(np.stack([self.look(image) for image in images]))

    def texts(self, texts: Sequence[str]) -> list[Text]:
        """Each text's unit vector; longer ones than the text encoder takes are cut at their end, and say so."""
        rows, counts = self.read(texts)
        return [Text(row, tokens + cut, cut > 0) for row, (tokens, cut) in zip(rows, counts, strict=True)]


def load_scene_clip_model(device: str | None = None) -> SceneClipModel:
    """The one that ships, ready on `device` (a GPU where there is one, unless given).

    Raises:
        MetricError: its weights or its text encoder are not there, or are damaged.
    """
    from evaluation.metrics.devices import pick_device

    where = str(pick_device(device))
    held = importlib.import_module(MODULE)
    try:
        clip = held.load_scene_clip(held.BUNDLED, device=where)
    except UserError as error:
        raise MetricError(str(error)) from None

    def read(texts: Sequence[str]) -> tuple[Rows, Sequence[tuple[int, int]]]:
        rows, facts = clip.texts(texts)
        return rows, [(fact.tokens, fact.cut) for fact in facts]

    return SceneClipModel(
        title=str(held.NAME),
        look=importlib.import_module("generators.world.checker.find").fitted,
        see=clip.images,
        read=read,
        about=dict(clip.about),
        sha256=str(clip.sha256),
        longest_text=int(clip.text.max_tokens),
        device=where,
    )
