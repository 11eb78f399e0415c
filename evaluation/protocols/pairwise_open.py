"""Pairs of many generators, one image each, with "both bad": the open comparison of arenas and leaderboards."""

from __future__ import annotations

from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Answer, Choice
from evaluation.protocols.parts import Question, Shown

PAIRWISE_OPEN = Protocol(
    name="pairwise-open",
    title="Open pairs",
    source="the form of open comparisons (arenas); no single paper declares it",
    questions=(
        Question(
            id="preference",
            text="Which image do you prefer for the caption: {caption}?",
            short="Preference",
            answers=Choice(
                (
                    Answer("left", "The left image"),
                    Answer("indifferent", "Both equally good"),
                    Answer("right", "The right image"),
                    Answer("both_bad", "Both bad"),
                )
            ),
        ),
    ),
    set_size=1,
    panels="all",
    raters_per_panel=5,
    shown=Shown(combinations="balanced"),
    batch=40,
    left_open={
        "pairs": "each prompt shows each generator once (twice, where their number is odd), and over the prompts every "
        "pair meets equally often",
        "trials of a rater": "a batch of at most 40 in which prompts and generators stand equally often",
        "both bad": "counts as indifferent in rates; its share is printed",
    },
)
