"""The specs of the metrics that ship: light, so that the web process can list them and check their parameters."""

from __future__ import annotations

from common.parameters import Parameter
from evaluation.metrics.features.brought_extractors import CLIP_IMAGES
from evaluation.metrics.features.clip import CLIP
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, PROTOCOLS
from evaluation.metrics.prompts.clip_score import COSINE, FORMS
from evaluation.metrics.prompts.detector import DETECTOR
from evaluation.metrics.prompts.text_checks import ACCURACY
from evaluation.metrics.prompts.text_checks import FORMS as TEXT_FORMS
from evaluation.metrics.spec import MetricSpec

CLIP_SCORE = MetricSpec(
    name="clip-score",
    summary="How well each image fits its prompt, by the cosine of their CLIP vectors (Hessel et al. 2021).",
    kind="sample",
    better="higher",
    factory="evaluation.metrics.prompts.clip_score:load",
    parameters=(
        Parameter(
            "model",
            "which CLIP: a folder's name in var/weights; scene-clip: the bundled world's own, no CLIP; "
            "empty for the only one brought, or scene-clip without any",
            "",
        ),
        *(each for each in CLIP.parameters() if each.name != "model"),
        Parameter("form", "which form is the value; both are kept for every image", COSINE, choices=FORMS),
        Parameter("prefix", 'words before each prompt; Hessel et al. use "A photo depicts"', ""),
    ),
)

OBJECT_CHECKS = MetricSpec(
    name="object-checks",
    summary="The share of a prompt's claims (objects, counts, colours, relations) by a detector that you bring.",
    kind="sample",
    better="higher",
    factory="evaluation.metrics.prompts.object_checks:load",
    value_range=(0.0, 1.0),
    parameters=(
        *DETECTOR.parameters(),
        Parameter("threshold", "scores from here on count; 0 for the usual of its kind", 0.0, low=0.0, high=0.99),
    ),
)

SCENE_CHECKS = MetricSpec(
    name="scene-checks",
    summary="The share of a prompt's claims that hold, by the checker trained on the bundled world's scenes.",
    kind="sample",
    better="higher",
    factory="evaluation.metrics.prompts.scene_checks:load",
    value_range=(0.0, 1.0),
    parameters=(Parameter("weights", "another checker's file", "", operator_only=True),),
)

TEXT_CHECKS = MetricSpec(
    name="text-checks",
    summary="How much of the text that a prompt wants written can be read in the image (RapidOCR).",
    kind="sample",
    better="higher",
    factory="evaluation.metrics.prompts.text_checks:load",
    value_range=(0.0, 1.0),
    parameters=(
        Parameter(
            "form",
            "which is the value: the share of letters that are right, or 1 for all of them",
            ACCURACY,
            choices=TEXT_FORMS,
        ),
        Parameter("quoted", "whether a prompt without a scene wants what stands in quotation marks", True),
    ),
)

CMMD = MetricSpec(
    name="cmmd",
    summary="How far the images are from a reference's, by their CLIP vectors (Jayasumana et al. 2024).",
    kind="set",
    better="lower",
    factory="evaluation.metrics.distances.cmmd:load",
    parameters=CLIP_IMAGES.parameters(),
    needs_reference=True,
)

BUNDLED = "efficientnet-lite0"

FEATURES = (
    Parameter("extractor", f"inception (FID), {BUNDLED}, dinov2:NAME or clip:NAME (folders in var/weights)", BUNDLED),
    Parameter("protocol", "how images are prepared", DEFAULT_PROTOCOL, choices=tuple(PROTOCOLS)),
    Parameter("weights", "the extractor's weight file, where it lies elsewhere", "", operator_only=True),
)

FRECHET = MetricSpec(
    name="frechet",
    summary="How far the images are from a reference's, by the moments of their features: FID and its kin.",
    kind="set",
    better="lower",
    factory="evaluation.metrics.distances.set_metrics:load_frechet",
    parameters=FEATURES,
    needs_reference=True,
)

KID = MetricSpec(
    name="kid",
    summary="How far the images are from a reference's, by a kernel, without bias (Binkowski et al. 2018).",
    kind="set",
    better="lower",
    factory="evaluation.metrics.distances.set_metrics:load_kid",
    parameters=FEATURES,
    needs_reference=True,
)

PRECISION_RECALL = MetricSpec(
    name="precision-recall",
    summary="Whether the images lie among a reference's, and that among them (Kynkaanniemi et al. 2019).",
    kind="set",
    better="higher",
    factory="evaluation.metrics.distances.set_metrics:load_precision_recall",
    parameters=FEATURES,
    needs_reference=True,
)
