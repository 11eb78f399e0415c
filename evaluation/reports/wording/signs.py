"""Signs beside a rater, in words: what was seen, never what it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.words import counted
from evaluation.analysis.signs import SIGNS, Sign, SignRules
from evaluation.reports.wording.numbers import percent


def sign_words(sign: Sign) -> str:
    """One sign with its figures."""
    if sign.sign == "speed":
        return f"{sign.n} of {counted(sign.of, 'answer')} faster than anyone can look"
    if sign.sign == "side":
        return f"one side in {sign.n} of {counted(sign.of, 'decided trial')} (by chance {sign.chance:.1g})"
    if sign.sign == "away":
        return f"the page lost the focus in {sign.n} of {counted(sign.of, 'trial')}"
    return f"no click, touch or key in {sign.n} of {counted(sign.of, 'trial')}"


def rule_lines(declared: Mapping[str, Any]) -> Iterator[str]:
    """The declared rules, a line each."""
    rules = SignRules.from_dict(declared)
    yield (
        f"answers faster than anyone can look: {percent(rules.fast_share, 0)} % or more of them below "
        f"{rules.base_ms} ms + {rules.per_image_ms} ms an image + {rules.per_question_ms} ms for each question before"
    )
    yield (
        f"one side throughout: {percent(rules.side_share, 0)} % or more of the decided trials, by chance "
        f"{rules.side_chance:g} or less"
    )
    yield f"the page lost the focus in {percent(rules.away_share, 0)} % of the trials or more"
    yield f"no click, touch or key in {percent(rules.untouched_share, 0)} % of the trials or more"
    excluded = ", ".join(SIGNS[each] for each in rules.exclude)
    yield f"excluded is who has: {excluded}" if excluded else "nobody is excluded by a sign"
