"""Yes or no to each claim that a prompt makes, as Davidsonian Scene Graph (arXiv:2310.18235) asks."""

from __future__ import annotations

from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Claim
from evaluation.protocols.parts import Question, Shown

QUESTIONS = Protocol(
    name="questions",
    title="Questions about the prompt",
    source="Cho et al. 2024, Davidsonian Scene Graph, arXiv:2310.18235",
    questions=(
        Question(
            id="claims",
            text="{claim}",
            short="Claims that hold",
            answers=Claim(unsure="I can't tell"),
        ),
    ),
    set_size=1,
    panels="all",
    raters_per_panel=3,
    shown=Shown(sets=1),
    batch=40,
    left_open={
        "claims": "from the attributes of the suite's prompts, or from a file of Davidsonian Scene Graph or GenEval 2",
        "claims that rest on others": "all are asked; where the claim below is answered no, the answer counts as given",
        "unsure": "an answer of its own; its share is printed, and it is left out of the share that holds",
        "raters": "three people rate each image",
    },
)
