"""Numbers settled: whether prompts and samples count from 0 or from 1, and so where each file belongs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from generators.filenames.doubts import BESIDE
from generators.filenames.findings import Findings, PromptRef, Question
from generators.filenames.layouts import Claim
from generators.filenames.names import natural_key

SampleNumbering = Literal["auto", "from_zero", "from_one"]
Numbering = Literal["auto", "from_zero", "from_one", "texts"]
"""`texts`: names such as "1984" are prompts' texts."""

_BASES: Mapping[str, int] = {"from_zero": 0, "from_one": 1}

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
    claims: Sequence[Claim],
    prompts: Sequence[PromptRef],
    numbering: Numbering,
    findings: Findings,
    numbers: Mapping[int, int] | None = None,
) -> dict[int, int]:
    """Index of each claim -> position of its prompt; what can't be placed gets its problem written down.

    `numbers`: number in a name -> position of its prompt, where names do not count by the suite's own numbers.
    """
    of_suite = {number: position for position, prompt in enumerate(prompts) if (number := prompt.number) is not None}
    groups: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        groups[claim.group].append(claim)
    bases: dict[str, int | None] = {}
    known: dict[str, Mapping[int, int]] = {}
    for name, group in groups.items():
        known[name] = of_suite if numbers is None or name in BESIDE else numbers
        _settle_either(group, known[name], numbering, findings)
        _drop_other_numbers(group, known[name])
        bases[name] = _base(group, known[name], "auto" if len(groups) > 1 else numbering, findings)
    if len(groups) > 1 and numbering in _BASES:
        # The answer is for the numbers that leave it open; where none does, it is for all.
        still_open = [name for name, base in bases.items() if base is None] or list(bases)
        bases |= dict.fromkeys(still_open, _BASES[numbering])
        findings.questions[:] = [each for each in findings.questions if each.option != "numbering"]
    positions: dict[int, int] = {}
    wordy = 0
    for index, claim in enumerate(claims):
        if claim.problem:
            continue
        position = _position(claim, prompts, known[claim.group], bases[claim.group], findings)
        if position is not None:
            positions[index] = position
            wordy += claim.identity.words
    if wordy:
        findings.notes.append(f"names with words that are not from a prompt: {wordy}; only their numbers were used")
    return positions


def _position(
    claim: Claim,
    prompts: Sequence[PromptRef],
    by_number: Mapping[int, int],
    base: int | None,
    findings: Findings,
) -> int | None:
    """The position of the claim's prompt; None with its problem written down."""
    number, texts = claim.identity.number, claim.identity.texts
    if not claim.identity:
        claim.problem = "its name has neither a prompt number nor a prompt text"
        return None
    if number is not None and base is None:
        if len(texts) == 1:
            return texts[0]
        claim.problem = next((each.text for each in findings.questions if each.option == "numbering"), "")
        return None
    by_its_number = None if number is None or base is None else by_number.get(number - base)
    if number is not None and by_its_number is None:
        claim.problem = _no_such_number(number, base, by_number)
        return None
    if not texts:
        begun = claim.identity.begun
        if not begun or by_its_number in begun:
            return by_its_number
        texts = begun
    fits = [text for text in texts if by_its_number is None or text == by_its_number]
    if len(fits) == 1:
        return fits[0]
    if fits:
        claim.problem = "the words fit " + " and ".join(prompts[fit].prompt_id for fit in fits[:4])
    else:
        claim.problem = (
            f"number {number} and the words do not agree: the words are those of prompt {prompts[texts[0]].prompt_id}"
        )
    return None


def _settle_either(
    group: Sequence[Claim], by_number: Mapping[int, int], numbering: Numbering, findings: Findings
) -> None:
    """Whether "1984" is a prompt's number or its text, by the names beside it; asked where they don't tell."""
    either = [claim for claim in group if claim.identity.either and not claim.problem]
    if not either:
        return
    rest = [claim.identity for claim in group if claim.identity and not claim.identity.either]
    numbered = any(identity.number is not None for identity in rest)
    worded = any(identity.number is None for identity in rest)
    for claim in either:
        number = claim.identity.number
        exists = number is not None and bool({number, number - 1} & by_number.keys())
        if numbering != "auto":
            as_text = numbering == "texts"
        elif not exists or (worded and not numbered):
            as_text = True
        elif numbered and not worded:
            as_text = False
        elif not rest and not all(_exists(each, by_number) for each in either):
            as_text = True  # some of them are no number of the suite, so none is
        else:
            text = f'is "{number}" in the names a prompt\'s number or its text?'
            findings.questions.append(Question("numbering", text, ("from_zero", "from_one", "texts")))
            for each in either:
                each.problem = text
            return
        claim.identity = replace(
            claim.identity, number=None if as_text else number, texts=claim.identity.texts if as_text else ()
        )


def _drop_other_numbers(group: Sequence[Claim], by_number: Mapping[int, int]) -> None:
    """Numbers beside prompts' texts of which none is a prompt's, such as seeds, count for nothing."""
    both = [claim for claim in group if claim.identity.number is not None and claim.identity.texts]
    if both and not any(_exists(claim, by_number) for claim in both):
        for claim in both:
            claim.identity = replace(claim.identity, number=None)


def _exists(claim: Claim, by_number: Mapping[int, int]) -> bool:
    number = claim.identity.number
    return number is not None and bool({number, number - 1} & by_number.keys())


def _base(
    claims: Sequence[Claim], by_number: Mapping[int, int], numbering: Numbering, findings: Findings
) -> int | None:
    """0 or 1: what the first prompt is numbered. None when it can't be told; the question is then written down."""
    numbered = [claim for claim in claims if claim.identity.number is not None and not claim.problem]
    numbers = {claim.identity.number for claim in numbered if claim.identity.number is not None}
    if numbering != "auto" or not numbers:
        return _BASES.get(numbering, 0)
    if all(claim.certain for claim in numbered):
        return 0
    number_of = {position: number for number, position in by_number.items()}
    votes: Counter[int] = Counter()
    for claim in numbered:
        identity = claim.identity
        if len(identity.texts) == 1 and identity.number is not None:
            true_number = number_of.get(identity.texts[0])
            if true_number is not None and identity.number - true_number in (0, 1):
                votes[identity.number - true_number] += 1
    fits = [base for base in (0, 1) if all(number - base in by_number for number in numbers)]
    base, why = None, ""
    if len(votes) == 1:
        base, why = next(iter(votes)), "the words beside the numbers say so"
    elif not any(_exists(claim, by_number) for claim in numbered):
        return 0  # each file's message says that no prompt has its number
    elif not votes and 0 in numbers:
        base, why = 0, "there is a 0"
    elif not votes and len(fits) == 1:
        base = fits[0]
        why = f"number {max(numbers)} would not exist otherwise" if base else "the numbers are prompt ids"
    if base is None:
        low, high = min(numbers), max(numbers)
        shown = f"{low} to {high}" if low != high else f"{low}"
        text = f"prompts are numbered {shown}: do they count from 0 or from 1?"
        if not any(question.option == "numbering" for question in findings.questions):
            findings.questions.append(Question("numbering", text, ("from_zero", "from_one")))
        return None
    findings.notes.append(f"prompts numbered from {base}: {why}")
    return base


def settle_samples(
    claims: Sequence[Claim],
    positions: Mapping[int, int],
    prompts: Sequence[PromptRef],
    numbering: SampleNumbering,
    findings: Findings,
) -> list[Row]:
    """A row for each claim: its prompt and its sample from 0, or its problem."""
    placed: dict[str, list[int]] = defaultdict(list)
    for index in positions:
        placed[claims[index].group].append(index)
    rows = {index: Row(claim.file.name, problem=claim.problem) for index, claim in enumerate(claims)}
    notes: list[str] = []
    for indices in placed.values():
        labelled = [claims[index] for index in indices if not claims[index].one_a_prompt]
        labels = [claim.label for claim in labelled if claim.label is not None]
        base, ranks = 0, None
        if numbering != "auto":
            base = _BASES[numbering]
        elif labels and max(labels) <= MAX_SAMPLE and min(labels) in (0, 1) and not _run_over_all(claims, positions):
            base = min(labels)
            notes.append(f"samples numbered from {base}")
        elif labelled:
            ranks = _ranks(claims, {index: positions[index] for index in indices})
            notes.append("samples numbered in the order of their names")
        for index in indices:
            rank = None if ranks is None else ranks[index]
            rows[index] = _row(claims[index], prompts[positions[index]].prompt_id, base, rank)
    findings.notes += dict.fromkeys(notes)
    return [rows[index] for index in range(len(claims))]


def _run_over_all(claims: Sequence[Claim], positions: Mapping[int, int]) -> bool:
    """Whether labels count the images of the whole set, and not the samples of each prompt ("a fox_000123.png")."""
    each: dict[int, list[int]] = defaultdict(list)
    for index, position in positions.items():
        if (label := claims[index].label) is not None and not claims[index].one_a_prompt:
            each[position].append(label)
    labels = [label for group in each.values() for label in group]
    most = max(map(len, each.values()), default=0)
    return len(each) > 1 and len(set(labels)) == len(labels) and max(labels) > most


def _row(claim: Claim, prompt_id: str, base: int, rank: int | None) -> Row:
    name = claim.file.name
    if claim.one_a_prompt:
        return Row(name, prompt_id, 0)
    if rank is not None:
        return Row(name, prompt_id, rank)
    if claim.label is None:
        return Row(name, problem=f"prompt {prompt_id}, and no sample number in its name")
    if claim.label < base:
        return Row(name, problem=f"prompt {prompt_id}: sample 0, where samples count from 1")
    return Row(name, prompt_id, claim.label - base)


def _ranks(claims: Sequence[Claim], positions: Mapping[int, int]) -> dict[int, int]:
    """Index of each placed claim -> its place among the files of its prompt, by name as people sort. Where all prompts
    have the same few seeds, a seed is the same sample everywhere, though some files lack.
    """
    labels = {claims[index].label for index in positions}
    counts = Counter(positions.values())
    if None not in labels and len(labels) == max(counts.values()):
        order = {label: rank for rank, label in enumerate(sorted(each for each in labels if each is not None))}
        return {index: order[label] for index in positions if (label := claims[index].label) is not None}
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
