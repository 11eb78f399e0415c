"""CLIP score: how well an image fits its prompt, by the cosine of their CLIP vectors.

Hessel et al. (2021), "CLIPScore: a reference-free evaluation metric for image captioning", define
w max(cos(c, v), 0) with w = 2.5 and begin each caption with "A photo depicts". Most papers on text-to-image models,
Saharia et al. (2022, figure 4 and appendix) among them, give the cosine itself, by itself or times 100. Both are kept
for every image; which one is `value` is a parameter, and the label says it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.parameters import ParameterValue
from evaluation.metrics.brought import find_brought, has_brought, how_to_bring
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.decode import NotScoredError
from evaluation.metrics.prompts.read_image import read_image
from evaluation.metrics.spec import SampleScore, ScoredImage
from evaluation.suites.types import JsonValue

if TYPE_CHECKING:
    from evaluation.metrics.features.clip import ClipModel
    from evaluation.metrics.prompts.scene_clip import SceneClipModel

W = 2.5
"""The factor of Hessel et al., section 3."""

COSINE, HESSEL = "100 x cosine", "2.5 x max(cosine, 0)"
FORMS = (COSINE, HESSEL)


class ClipScore:
    """The score of each image with its own prompt, under one CLIP."""

    batch_size = 16

    def __init__(self, clip: ClipModel | SceneClipModel, form: str, prefix: str) -> None:
        self._clip, self._form, self._prefix = clip, form, prefix
        self.label = f"CLIP score, {form} ({clip.name})"
        self.provenance: Mapping[str, JsonValue] = {**clip.provenance(), "form": form, "prefix": prefix}

    def score(self, images: Sequence[ScoredImage]) -> list[SampleScore]:
        """One score an image, in order; a file that can't be read has none, and says why."""
        found: dict[int, SampleScore] = {}
        for start in range(0, len(images), self.batch_size):
            batch = range(start, min(start + self.batch_size, len(images)))
            read = {}
            for number in batch:
                try:
                    read[number] = read_image(images[number].path)
                except NotScoredError as error:
                    found[number] = SampleScore(None, str(error))
            if not read:
                continue
            rows = self._clip.images([picture.image for picture in read.values()])
            texts = self._clip.texts([self._prefix + images[number].prompt for number in read])
            for number, row, text in zip(read, rows, texts, strict=True):
                cosine = float(row.astype("float64") @ text.row.astype("float64"))
                value = 100 * cosine if self._form == COSINE else W * max(cosine, 0.0)
                detail: dict[str, JsonValue] = {
                    "cosine": cosine,
                    "hessel": W * max(cosine, 0.0),
                    "tokens": text.tokens,
                }
                if text.cut:
                    left = f"the prompt has {text.tokens} tokens; this model reads the first {self._clip.longest_text}"
                    detail["cut"] = left
                found[number] = SampleScore(value, detail=detail)
        return [found[number] for number in range(len(images))]


def load(parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]) -> ClipScore:
    """The factory of `clip-score`: the CLIP that is named, else the only one that was brought, else the scene CLIP."""
    from evaluation.metrics.features.clip import CLIP, load_clip
    from evaluation.metrics.prompts.scene_clip import NAME, load_scene_clip_model

    named, folder = str(parameters["model"]), str(parameters["folder"])
    clip: ClipModel | SceneClipModel
    if not folder and (named == NAME or (not named and not has_brought(CLIP, weight_folders))):
        try:
            clip = load_scene_clip_model(device)
        except MetricError as error:
            raise MetricError(f"{error}. Or bring a CLIP: {how_to_bring(CLIP, weight_folders)}") from None
    else:
        clip = load_clip(find_brought(CLIP, parameters, weight_folders), device)
    prefix = str(parameters["prefix"])
    return ClipScore(clip, str(parameters["form"]), f"{prefix.rstrip()} " if prefix.strip() else "")
