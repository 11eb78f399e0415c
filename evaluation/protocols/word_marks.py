"""Which words of the prompt an image misses, as word-level annotation in Gecko (arXiv:2404.16820) asks."""

from __future__ import annotations

from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Words
from evaluation.protocols.parts import Question, Shown

WORD_MARKS = Protocol(
    name="words",
    title="Words that the image misses",
    source="Wiles et al. 2024, Gecko, arXiv:2404.16820, word-level template",
    questions=(
        Question(
            id="missing",
            text="Mark every word of the caption that the image does not show, or shows wrongly.",
            short="Words missed",
            answers=Words("The image shows every word"),
        ),
    ),
    set_size=1,
    panels="all",
    raters_per_panel=3,
    shown=Shown(sets=1),
    batch=40,
    left_open={
        "wording": "ours; the paper's template marks words as aligned, unsure or not, here a word is marked or not",
        "words": "what stands between white space of the prompt",
        "raters": "three people rate each image",
    },
)
