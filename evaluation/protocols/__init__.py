"""The declared protocols of human evaluation: ours by name, a researcher's own by file. Pure: no Django, no torch.

>>> from evaluation import protocols
>>> protocols.get("drawbench").raters_per_panel
25

Reading order: `parts` and `contract` (what a protocol declares), `kinds` (what each kind of answer takes), `drawbench`
and its neighbours (one declaration a file), `tree`, `fields`, `reading` and `checks` (files, and what they are refused
for), `writing`, `difference`.
"""

from __future__ import annotations

from evaluation.protocols.contract import Protocol
from evaluation.protocols.difference import departures
from evaluation.protocols.errors import AnswerError, ProtocolError, UnknownProtocolError
from evaluation.protocols.kinds import KINDS, Answer, AnswerValue, Kind
from evaluation.protocols.parts import (
    CAPTION,
    MOST_RATERS,
    Asked,
    Controls,
    Question,
    Repeats,
    Shown,
    wording,
)
from evaluation.protocols.reading import read
from evaluation.protocols.registry import get, load, load_file, names
from evaluation.protocols.writing import to_yaml

__all__ = [
    "CAPTION",
    "KINDS",
    "MOST_RATERS",
    "Answer",
    "AnswerError",
    "AnswerValue",
    "Asked",
    "Controls",
    "Kind",
    "Protocol",
    "ProtocolError",
    "Question",
    "Repeats",
    "Shown",
    "UnknownProtocolError",
    "departures",
    "get",
    "load",
    "load_file",
    "names",
    "read",
    "to_yaml",
    "wording",
]
