"""The kinds of answers, one a file: what each takes, its file form, its labels. Pure."""

from evaluation.analysis.answers import UNABLE
from evaluation.protocols.kinds.base import AnswerValue, Kind, value_of, value_text
from evaluation.protocols.kinds.choice import Answer, Choice
from evaluation.protocols.kinds.claim import Claim
from evaluation.protocols.kinds.points import Points
from evaluation.protocols.kinds.ranking import Ranking
from evaluation.protocols.kinds.reasons import Reasons, Tag
from evaluation.protocols.kinds.scale import Scale, Step
from evaluation.protocols.kinds.text import Text
from evaluation.protocols.kinds.words import Words, words_of

KINDS: dict[str, type[Kind]] = {
    kind.name: kind for kind in (Choice, Scale, Ranking, Claim, Words, Points, Reasons, Text)
}
"""By the name that stands in files."""

__all__ = [
    "KINDS",
    "UNABLE",
    "Answer",
    "AnswerValue",
    "Choice",
    "Claim",
    "Kind",
    "Points",
    "Ranking",
    "Reasons",
    "Scale",
    "Step",
    "Tag",
    "Text",
    "Words",
    "value_of",
    "value_text",
    "words_of",
]
