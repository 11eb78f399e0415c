"""DrawBench, as declared in Saharia et al. 2022, "Photorealistic Text-to-Image Diffusion Models with Deep Language
Understanding" (arXiv:2205.11487), section 3 and appendix C.

This is the one place where the wording of its questions and answers stands. A study locks the wording into its
specification when it opens, so that a change here touches later studies only.
"""

from __future__ import annotations

from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Answer, Choice
from evaluation.protocols.parts import NO_SCREENING, Question

PREFERENCE = Choice(
    (
        Answer("left", "I prefer set A"),
        Answer("indifferent", "I am indifferent"),
        Answer("right", "I prefer set B"),
    )
)

DRAWBENCH = Protocol(
    name="drawbench",
    title="DrawBench",
    source="Saharia et al. 2022, arXiv:2205.11487, section 3 and appendix C",
    questions=(
        Question(
            id="fidelity",
            text="Which set of images is of higher quality?",
            short="Image fidelity",
            answers=PREFERENCE,
        ),
        Question(
            id="alignment",
            text="Which set of images better represents the text caption : {caption}?",
            short="Image-text alignment",
            answers=PREFERENCE,
        ),
    ),
    set_size=8,
    panels="category",
    raters_per_panel=25,
    screening=NO_SCREENING,
    left_open={
        "trials of a rater": "every comparison of the rater's category, once",
        "sides": "set A is the left one. Which run it is, is drawn by seed: each rater sees each pair of runs in "
        "either arrangement equally often within one trial, and so does each prompt over the raters of its panel",
        "order": "each rater has an order of their own, drawn by seed from Latin squares, so that a trial stands "
        "equally often in each position and follows each other trial about equally often",
        "samples": "where a run has more samples of a prompt than a set shows, a random choice by seed; every rater "
        "sees the same ones, in the same arrangement",
        "caption in the question": "in quotation marks",
        "layout": "the two sets side by side at equal size, the caption above them, both questions below both sets, "
        "answered in any order; on a screen too narrow for that one set at a time, and both must have been in view "
        "before the questions open; both answers can be changed until the rater goes on, and the last trial can be "
        "undone",
        "time": "no limit; the time from both sets being decoded to each answer is kept",
        "dropouts": "the place of a rater who stopped is given again; answers given until then stay, unless the rater "
        "withdrew them",
        "recruitment and pay": "not part of the protocol: the study's own text says so",
    },
)
