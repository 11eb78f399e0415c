"""One image at a time on two five-point scales, with "unable to answer": Otani et al. (CVPR 2023) and HEIM."""

from __future__ import annotations

from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Scale, Step
from evaluation.protocols.parts import Controls, Question, Shown

UNABLE = "I am unable to answer"
QUALIFICATION = Controls(trials=3, least_right=1, place="first")
"""Otani et al.: three questions that a rater must all answer right before the first image."""

SINGLE_IMAGE = Protocol(
    name="single-image",
    title="Single images",
    source="Otani et al. 2023 (CVPR); wording as in HEIM (Lee et al. 2023, arXiv:2311.04287)",
    questions=(
        Question(
            id="fidelity",
            text="Does the image look like an AI-generated photo or a real photo?",
            short="Image fidelity",
            answers=Scale(
                (
                    Step(1, "AI-generated photo"),
                    Step(2, "Probably an AI-generated photo, but photorealistic"),
                    Step(3, "Neutral"),
                    Step(4, "Probably a real photo, but with irregular textures and shapes"),
                    Step(5, "Real photo"),
                ),
                unable=UNABLE,
            ),
        ),
        Question(
            id="alignment",
            text="How well does the image match the description?",
            short="Image-text alignment",
            answers=Scale(
                (
                    Step(1, "Does not match at all"),
                    Step(2, "Has significant discrepancies"),
                    Step(3, "Has several minor discrepancies"),
                    Step(4, "Has a few minor discrepancies"),
                    Step(5, "Matches exactly"),
                ),
                unable=UNABLE,
            ),
        ),
    ),
    set_size=1,
    panels="all",
    raters_per_panel=5,
    screening=QUALIFICATION.rule,
    shown=Shown(sets=1),
    batch=30,
    controls=QUALIFICATION,
    left_open={
        "raters": "five people rate each image; the papers have three to five",
        "trials of a rater": "a batch of at most 30, in which prompts and generators stand equally often",
        "qualification": "three trials whose right answers the study brings, all to be answered right",
        "unable to answer": "an answer of its own, left out of means; its number is printed",
    },
)
