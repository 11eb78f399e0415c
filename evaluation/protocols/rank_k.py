"""Several images of one prompt put in order: best and worst of four, as in best-worst scaling and K-wise arenas."""

from __future__ import annotations

from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Ranking
from evaluation.protocols.parts import Question, Shown

RANK_K = Protocol(
    name="rank-k",
    title="Best and worst of four",
    source="Louviere et al. 2015, Best-Worst Scaling; K-wise trials as in K-Sort Arena, arXiv:2408.14468",
    questions=(
        Question(
            id="preference",
            text="Which of these images is the best for the caption {caption}, and which is the worst?",
            short="Preference",
            answers=Ranking("best-worst"),
        ),
    ),
    set_size=1,
    panels="all",
    raters_per_panel=5,
    shown=Shown(sets=4, combinations="balanced"),
    batch=30,
    left_open={
        "images a trial": "four; another number is a departure (shown.sets), and so is the whole order (order: whole)",
        "which four": "each prompt shows each generator equally often, with as few trials as that takes",
        "places": "each generator stands equally often in each place, within each rater and within each prompt",
    },
)
