"""The specs of the metrics that ship: light, so that the web process can list them and check their parameters."""

from __future__ import annotations

from evaluation.metrics.brought_extractors import CLIP_IMAGES
from evaluation.metrics.clip import CLIP
from evaluation.metrics.clip_score import COSINE, FORMS
from evaluation.metrics.spec import MetricSpec
from generators.contract import Parameter

CLIP_SCORE = MetricSpec(
    name="clip-score",
    summary="How well each image fits its prompt, by the cosine of their CLIP vectors (Hessel et al. 2021).",
    kind="sample",
    better="higher",
    factory="evaluation.metrics.clip_score:load",
    parameters=(
        *CLIP.parameters(),
        Parameter("form", "which form is the value; both are kept for every image", COSINE, choices=FORMS),
        Parameter("prefix", 'words before each prompt; Hessel et al. use "A photo depicts"', ""),
    ),
)

CMMD = MetricSpec(
    name="cmmd",
    summary="How far the images are from a reference's, by their CLIP vectors (Jayasumana et al. 2024).",
    kind="set",
    better="lower",
    factory="evaluation.metrics.cmmd:load",
    parameters=CLIP_IMAGES.parameters(),
    needs_reference=True,
)
