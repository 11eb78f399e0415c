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
    summary="How well each image matches its prompt, by the cosine of their CLIP vectors (Hessel et al. 2021).",
    kind="sample",
    better="higher",
    factory="evaluation.metrics.prompts.clip_score:load",
    parameters=(
        Parameter(
            "model",
            "which CLIP: a folder's name in var/weights; scene-clip: the bundled world's own model, not a CLIP; "
            "if empty: the only folder there, or scene-clip if there is none",
            "",
        ),
        *(each for each in CLIP.parameters() if each.name != "model"),
        Parameter("form", "which form is the value; both are stored for each image", COSINE, choices=FORMS),
        Parameter("prefix", 'words added before each prompt; Hessel et al. use "A photo depicts"', ""),
    ),
)

OBJECT_CHECKS = MetricSpec(
    name="object-checks",
    summary="The share of a prompt's claims (objects, counts, colours, relations) that hold, by your own detector.",
    kind="sample",
    better="higher",
    factory="evaluation.metrics.prompts.object_checks:load",
    value_range=(0.0, 1.0),
    parameters=(
        *DETECTOR.parameters(),
        Parameter(
            "threshold",
            "detections with this score or more count; 0: the usual threshold of the detector's kind",
            0.0,
            low=0.0,
            high=0.99,
        ),
    ),
)

SCENE_CHECKS = MetricSpec(
    name="scene-checks",
    summary="The share of a prompt's claims that hold, by the checker trained on the bundled world's scenes.",
    kind="sample",
    better="higher",
    factory="evaluation.metrics.prompts.scene_checks:load",
    value_range=(0.0, 1.0),
    parameters=(Parameter("weights", "weight file of another checker", "", operator_only=True),),
)

TEXT_CHECKS = MetricSpec(
    name="text-checks",
    summary="How much of the text that a prompt asks for can be read in the image (RapidOCR).",
    kind="sample",
    better="higher",
    factory="evaluation.metrics.prompts.text_checks:load",
    value_range=(0.0, 1.0),
    parameters=(
        Parameter(
            "form",
            "which form is the value: the share of correct letters, or 1 if all are correct",
            ACCURACY,
            choices=TEXT_FORMS,
        ),
        Parameter("quoted", "in prompts without a scene, look for the text in quotation marks", True),
    ),
)

OPEN_NSFW = MetricSpec(
    name="open-nsfw",
    summary="How likely each image is pornographic, so that studies can blur it (Yahoo's Open NSFW).",
    kind="sample",
    better="lower",
    factory="evaluation.metrics.prompts.open_nsfw:load",
    value_range=(0.0, 1.0),
)

CMMD = MetricSpec(
    name="cmmd",
    summary="Distance to a reference by CLIP vectors (Jayasumana et al. 2024).",
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
    Parameter("weights", "the extractor's weight file, if it is elsewhere", "", operator_only=True),
)

FRECHET = MetricSpec(
    name="frechet",
    summary="Distance to a reference by the moments of features: FID and its variants.",
    kind="set",
    better="lower",
    factory="evaluation.metrics.distances.set_metrics:load_frechet",
    parameters=FEATURES,
    needs_reference=True,
)

KID = MetricSpec(
    name="kid",
    summary="Distance to a reference by a kernel, unbiased (Binkowski et al. 2018).",
    kind="set",
    better="lower",
    factory="evaluation.metrics.distances.set_metrics:load_kid",
    parameters=FEATURES,
    needs_reference=True,
)

PRECISION_RECALL = MetricSpec(
    name="precision-recall",
    summary="How many images lie among the reference's, and the reverse (Kynkaanniemi et al. 2019).",
    kind="set",
    better="higher",
    factory="evaluation.metrics.distances.set_metrics:load_precision_recall",
    parameters=FEATURES,
    needs_reference=True,
)
