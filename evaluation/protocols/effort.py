"""How long a rater takes, so that the page of consent can say it honestly."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from statistics import mean

from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Claim, Ranking, Text
from evaluation.protocols.parts import Question

SECONDS_AN_IMAGE = 0.5
SECONDS_A_TRIAL = 2
SECONDS_AN_ANSWER = {
    "choice": 5.0,
    "scale": 5.0,
    "ranking": 3.0,
    "claim": 3.0,
    "words": 8.0,
    "points": 10.0,
    "reasons": 5.0,
    "text": 5.0,
}
"""Of each kind; of a ranking for each set. Ours, from DrawBench's trials of two questions about sixteen images, which
take about 20 seconds."""
SECONDS_A_REQUIRED_TEXT = 20.0


def trial_seconds(protocol: Protocol, *, set_size: int, claims: float = 0) -> float:
    """Seconds that a trial takes.

    Args:
        set_size: images of a set as shown, 1 or more.
        claims: of a prompt, on average.
    """
    images = protocol.shown.sets * set_size + (protocol.shown.reference == "guide")
    answers = (_question_seconds(each, protocol.shown.sets, claims) for each in protocol.questions)
    return SECONDS_A_TRIAL + SECONDS_AN_IMAGE * images + sum(answers)


def session_minutes(protocol: Protocol, *, trials: int, set_size: int, claims: Sequence[int] = ()) -> int:
    """Minutes that `trials` take, rounded up. `claims`: how many each prompt has, where they are asked."""
    seconds = trial_seconds(protocol, set_size=set_size, claims=mean(claims) if claims else 0)
    return ceil(trials * seconds / 60)


def _question_seconds(question: Question, sets: int, claims: float) -> float:
    kind = question.answers
    if isinstance(kind, Text) and kind.required:
        return SECONDS_A_REQUIRED_TEXT
    seconds = SECONDS_AN_ANSWER[kind.name]
    if isinstance(kind, Ranking):
        return seconds * sets
    return seconds * claims if isinstance(kind, Claim) else seconds
