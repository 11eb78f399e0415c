"""Numbers settled: whether prompts and samples count from 0 or from 1, and so where each file belongs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from generators.filenames.claims import OUR_DIGITS, Claim, Findings, PromptRef, Question
from generators.filenames.names import natural_key

Numbering = Literal["auto", "from_zero", "from_one"]

MAX_SAMPLE = 9_999
"""A higher number in the place of the sample is a seed or a counter: samples are then numbered in its order."""


@dataclass(frozen=True, slots=True)
class Row:
    """One file: the prompt and the sample (from 0) that it shows, or the problem that keeps it out.

    `is_double`: the problem is that another file shows the same sample of the same prompt.
    """

    name: str
    prompt_id: str | None = None
    sample: int | None = None
    problem: str = ""
    is_double: bool = False


def settle_prompts(
    claims: Sequence[Claim], prompts: Sequence[PromptRef], numbering: Numbering, findings: Findings
) -> dict[int, int]:
    """Index of each claim -> position of its prompt; what can't be placed gets its problem written down."""
    by_number = {number: position for position, prompt in enumerate(prompts) if (number := prompt.number) is not None}
    base = _base(claims, prompts, by_number, numbering, findings)
    open_question = next((question.text for question in findings.questions if question.option == "numbering"), "")
    positions: dict[int, int] = {}
    wordy = 0
    for index, claim in enumerate(claims):
        identity = claim.identity
        if claim.problem:
            continue
        if identity.number is not None and base is None:
            if len(identity.texts) == 1:
                positions[index] = identity.texts[0]
            else:
                claim.problem = open_question
            continue
        by_its_number = None if identity.number is None or base is None else by_number.get(identity.number - base)
        if identity.texts:
            fits = [text for text in identity.texts if by_its_number is None or text == by_its_number]
            if not fits:
                claim.problem = (
                    f"number {identity.number} and the words do not agree: "
                    f"the words are those of prompt {prompts[identity.texts[0]].prompt_id}"
                )
            elif identity.number is not None and by_its_number is None:
                claim.problem = _no_such_number(identity.number, base, by_number)
            elif len(fits) > 1:
                claim.problem = "the words fit " + " and ".join(prompts[fit].prompt_id for fit in fits[:4])
            else:
                positions[index] = fits[0]
        elif identity.number is not None:
            if by_its_number is None:
                claim.problem = _no_such_number(identity.number, base, by_number)
            else:
                positions[index] = by_its_number
                wordy += identity.words
        else:
            claim.problem = "its name has neither a prompt number nor a prompt text"
    if wordy:
        findings.notes.append(f"names with words that are not from a prompt: {wordy}; only their numbers were used")
    return positions


def _base(
    claims: Sequence[Claim],
    prompts: Sequence[PromptRef],
    by_number: Mapping[int, int],
    numbering: Numbering,
    findings: Findings,
) -> int | None:
    """0 or 1: what the first prompt is numbered. None when it can't be told; the question is then written down."""
    numbered = [claim for claim in claims if claim.identity.number is not None and not claim.problem]
    numbers = {claim.identity.number for claim in numbered if claim.identity.number is not None}
    if numbering != "auto" or not numbers:
        return 1 if numbering == "from_one" else 0
    if all(claim.certain for claim in numbered):
        return 0
    votes: Counter[int] = Counter()
    for claim in numbered:
        identity = claim.identity
        if len(identity.texts) == 1 and identity.number is not None:
            true_number = prompts[identity.texts[0]].number
            if true_number is not None and identity.number - true_number in (0, 1):
                votes[identity.number - true_number] += 1
    fits = [base for base in (0, 1) if all(number - base in by_number for number in numbers)]
    base, why = None, ""
    if len(votes) == 1:
        base, why = next(iter(votes)), "the words beside the numbers say so"
    elif not votes and 0 in numbers:
        base, why = 0, "there is a 0"
    elif not votes and all(claim.identity.digits >= OUR_DIGITS for claim in numbered):
        base, why = 0, "five digits, as prompt ids have"
    elif not votes and len(fits) == 1:
        base = fits[0]
        why = f"number {max(numbers)} would not exist otherwise" if base else "the numbers are prompt ids"
    if base is None:
        low, high = min(numbers), max(numbers)
        shown = f"{low} to {high}" if low != high else f"{low}"
        text = f"prompts are numbered {shown}: do they count from 0 or from 1?"
        findings.questions.append(Question("numbering", text, ("from_zero", "from_one")))
        return None
    findings.notes.append(f"prompts numbered from {base}: {why}")
    return base


def settle_samples(
    claims: Sequence[Claim],
    positions: Mapping[int, int],
    prompts: Sequence[PromptRef],
    numbering: Numbering,
    findings: Findings,
) -> list[Row]:
    """A row for each claim: its prompt and its sample from 0, or its problem."""
    labelled = [claims[index] for index in positions if not claims[index].one_a_prompt]
    labels = [claim.label for claim in labelled if claim.label is not None]
    base, ranks = 0, None
    if numbering != "auto":
        base = int(numbering == "from_one")
    elif labels and max(labels) <= MAX_SAMPLE and min(labels) in (0, 1):
        base = min(labels)
        findings.notes.append(f"samples numbered from {base}")
    elif labelled:
        ranks = _ranks(claims, positions)
        findings.notes.append("samples numbered in the order of their names")
    rows = []
    for index, claim in enumerate(claims):
        if index not in positions:
            rows.append(Row(claim.file.name, problem=claim.problem))
            continue
        prompt_id = prompts[positions[index]].prompt_id
        if claim.one_a_prompt:
            rows.append(Row(claim.file.name, prompt_id, 0))
        elif ranks is not None:
            rows.append(Row(claim.file.name, prompt_id, ranks[index]))
        elif claim.label is None:
            rows.append(Row(claim.file.name, problem=f"prompt {prompt_id}, and no sample number in its name"))
        elif claim.label < base:
            rows.append(Row(claim.file.name, problem=f"prompt {prompt_id}: sample 0, where samples count from 1"))
        else:
            rows.append(Row(claim.file.name, prompt_id, claim.label - base))
    return rows


def _ranks(claims: Sequence[Claim], positions: Mapping[int, int]) -> dict[int, int]:
    """Index of each placed claim -> its place among the files of its prompt, by name as people sort."""
    groups: dict[int, list[int]] = defaultdict(list)
    for index, position in positions.items():
        groups[position].append(index)
    return {
        index: rank
        for group in groups.values()
        for rank, index in enumerate(sorted(group, key=lambda index: natural_key(claims[index].file.path)))
    }


def _no_such_number(number: int, base: int | None, by_number: Mapping[int, int]) -> str:
    low, high = min(by_number, default=0) + (base or 0), max(by_number, default=0) + (base or 0)
    return f"there is no prompt number {number}; prompts run from {low} to {high}"
