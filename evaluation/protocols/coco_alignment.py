"""Whether a caption describes an image, as in Saharia et al. 2022 (arXiv:2205.11487), section 4.2 and table 2."""

from __future__ import annotations

from evaluation.protocols.coco_photorealism import SCREENING, WITHOUT_PEOPLE
from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Scale, Step
from evaluation.protocols.parts import Question, Shown

COCO_ALIGNMENT = Protocol(
    name="coco-alignment",
    title="COCO alignment",
    source="Saharia et al. 2022, arXiv:2205.11487, section 4.2 and table 2",
    questions=(
        Question(
            id="alignment",
            text="Does the caption accurately describe the above image?",
            short="Alignment",
            answers=Scale((Step(100, "Yes"), Step(50, "Somewhat"), Step(0, "No"))),
        ),
    ),
    set_size=1,
    panels="all",
    raters_per_panel=51,
    screening=SCREENING.rule,
    shown=Shown(sets=1, reference="apart"),
    batch=50,
    controls=SCREENING,
    left_open={
        "reference photographs": "they have trials of their own, in which nothing tells them from generated images",
        "control trials": "5 in each batch, which the study brings; the paper gives neither number nor content",
        "raters": "51 people rate each trial: the ratings per image that the paper had left after screening",
        "captions without people": WITHOUT_PEOPLE,
        "layout": "the image above, the caption below it, then the question",
    },
)
