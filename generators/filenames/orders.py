"""Lists of prompts that lie beside images and name none: numbers in names may be theirs instead of the suite's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from generators.filenames.findings import Findings, PromptRef, Question
from generators.filenames.layouts import Claim
from generators.filenames.names import clean_path
from generators.filenames.other_tables import PromptOrder
from generators.filenames.texts import PromptTexts

Order = Literal["auto", "suite", "list"]
"""Whose numbers names have: the suite's, or those of a list of prompts beside the images."""


def numbers_by_order(
    claims: Sequence[Claim],
    prompts: Sequence[PromptRef],
    orders: Sequence[PromptOrder],
    texts: PromptTexts,
    choice: Order,
    findings: Findings,
) -> Mapping[int, int] | None:
    """Number -> position of its prompt, by a list beside the images; None where numbers are the suite's. Where the list
    has another order than the suite and nobody said which counts, `claims` by numbers get that as their problem.
    """
    if choice == "suite" or not any(claim.identity.number is not None for claim in claims):
        return None
    counted = len({claim.identity.number for claim in claims if claim.identity.number is not None})
    for order in orders:
        fits = {number: positions for number, text in order.texts.items() if (positions := texts.whole(text).positions)}
        if order.loose:
            fits = dict(enumerate(dict.fromkeys(fits.values())))
        if not order.loose and 2 * len(fits) < len(order.texts) and _named_after_prompts(order.source):
            text = (
                f"{order.source} has {len(order.texts)} prompts, of which {len(fits)} are in the suite: were the "
                "images made of the suite's prompts, and do their names have its numbers?"
            )
            _ask(Question("order", text, ("suite",)), claims, findings)
            return None
        if 2 * len(fits) < (counted if order.loose else len(order.texts)) or len(fits) < 2:
            continue  # a list of something else
        if any(all(_has_number(prompts, fits[number], number - base) for number in fits) for base in (0, 1)):
            findings.notes.append(f"{order.source} has the suite's own order")
            continue
        if choice == "list":
            findings.notes.append(f"numbers are those of the prompts in {order.source}")
            # of several prompts with one text nobody can tell which is meant
            return {number: positions[0] for number, positions in fits.items() if len(positions) == 1}
        text = f"{order.source} has the prompts in another order than the suite: whose numbers do the names have?"
        _ask(Question("order", text, ("suite", "list")), claims, findings)
        return None
    return None


def _ask(question: Question, claims: Sequence[Claim], findings: Findings) -> None:
    findings.questions.append(question)
    for claim in claims:
        if claim.identity.number is not None and not claim.problem:
            claim.problem = question.text


def _named_after_prompts(source: str) -> bool:
    return clean_path(source).rpartition("/")[2].lower().startswith("prompt")


def _has_number(prompts: Sequence[PromptRef], positions: Sequence[int], number: int) -> bool:
    return any(prompts[position].number == number for position in positions)
