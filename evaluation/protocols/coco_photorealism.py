"""Photorealism beside a reference photograph, as in Saharia et al. 2022 (arXiv:2205.11487), section 4.2 and table 2."""

from __future__ import annotations

from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Answer, Choice
from evaluation.protocols.parts import Controls, Question, Shown

SCREENING = Controls(trials=5, least_right=0.8)
"""The paper keeps raters with at least 80 % of the control trials right; how many there are it does not say."""

WITHOUT_PEOPLE = (
    "results are given for all captions and for those that name nobody: none of the paper's words for people stands in "
    "them as a whole word; “player” counts whatever it plays"
)

COCO_PHOTOREALISM = Protocol(
    name="coco-photorealism",
    title="COCO photorealism",
    source="Saharia et al. 2022, arXiv:2205.11487, section 4.2 and table 2",
    questions=(
        Question(
            id="photorealism",
            text="Which image is more photorealistic (looks more real)?",
            short="Photorealism",
            answers=Choice((Answer("left", "The left image"), Answer("right", "The right image"))),
        ),
    ),
    set_size=1,
    panels="all",
    raters_per_panel=73,
    screening=SCREENING.rule,
    shown=Shown(prompt="hidden", reference="beside"),
    batch=50,
    controls=SCREENING,
    left_open={
        "answers": "the paper does not give their words",
        "caption": "not shown: the question is about the images alone",
        "control trials": "5 in each batch, which the study brings; the paper gives neither number nor content",
        "raters": "73 people rate each trial: the ratings per image that the paper had left after screening",
        "captions without people": WITHOUT_PEOPLE,
        "sides": "the photograph stands left equally often, within each rater and within each prompt",
    },
)
