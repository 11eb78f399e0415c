"""What a protocol says of its answers, as tables and figures of a report need it: texts of choices, ends of scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation.protocols import Protocol, read
from evaluation.protocols.kinds import Choice, Points, Reasons, Scale
from evaluation.reports.answer_groups import AnswerGroup


def option_texts(protocol: Protocol) -> dict[str, str]:
    """What raters read of answers and tags, by id; of the first question that has the id."""
    found: dict[str, str] = {}
    for question in protocol.questions:
        kind = question.answers
        if isinstance(kind, Choice):
            found = {**{each.choice: each.text for each in kind.answers}, **found}
        elif isinstance(kind, Reasons):
            found = {**{each.tag: each.text for each in kind.tags}, **found}
    return found


def option_texts_of(specification: Mapping[str, Any]) -> dict[str, str]:
    """`option_texts` of a locked specification; none of one that has no protocol yet."""
    return option_texts(read(specification["protocol"])) if specification.get("protocol") else {}


def ends_of(group: AnswerGroup, protocol: Protocol) -> tuple[float, float] | None:
    """The least and the greatest value of a scale, or number of points; None of other measures."""
    kind = protocol.question(group.question).answers
    if isinstance(kind, Points):
        return 0.0, float(kind.at_most)
    if isinstance(kind, Scale) and group.measure == "mean":
        return float(min(kind.values)), float(max(kind.values))
    return None
