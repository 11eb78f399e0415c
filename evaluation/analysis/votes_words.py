"""What answers of a pair are called elsewhere, and what they are here: a, indifferent or b."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.tables import plain_heading
from evaluation.analysis.choice_words import BAD, CHOICES, SIDE_WORDS, WORDS
from evaluation.analysis.columns import RatingsError, listed

SHOWN = 12
"""Answers that an error lists."""


@dataclass(frozen=True)
class Meant:
    """What each answer of a file means. ``by_word``: theirs -> ours; ``guessed``: those that nobody named. ``sided``:
    whether answers are sides. ``both_bad``: how many answers say that both are bad.
    """

    by_word: Mapping[str, str]
    guessed: Mapping[str, str]
    sided: bool
    both_bad: int


def meanings(answers: Sequence[str], named: Mapping[str, str], generators: Sequence[frozenset[str]]) -> Meant:
    """What the distinct answers mean; an answer that is the name of a generator of its pair needs no meaning.

    Args:
        answers: one a vote. named: from ``--choice-map``. generators: the two of each vote.

    Raises:
        RatingsError: an answer whose meaning is not known; all such are listed with the option that names them.
    """
    counts = Counter(answers)
    by_name = {each for each, pair in zip(answers, generators, strict=True) if each in pair}
    found, guessed, unknown = {}, {}, []
    numbers = {each for each in counts if plain_heading(each) in ("1", "2")}
    others = {each for each in counts if each not in named and plain_heading(each) not in WORDS} - by_name
    for each in counts:
        plain = plain_heading(each)
        if each in named:
            found[each] = named[each]
        elif each in by_name:
            continue
        elif plain in WORDS:
            found[each] = guessed[each] = WORDS[plain]
        elif numbers == others and len(numbers) == 2 and plain in ("1", "2"):
            found[each] = guessed[each] = "a" if plain == "1" else "b"
        else:
            unknown.append(each)
    if unknown:
        raise RatingsError(_unknown(sorted(unknown, key=lambda each: -counts[each]), counts))
    sided = any(plain_heading(each) in SIDE_WORDS for each in found)
    both_bad = sum(n for each, n in counts.items() if plain_heading(each) in BAD)
    return Meant(found, {theirs: ours for theirs, ours in guessed.items() if theirs != ours}, sided, both_bad)


def _unknown(unknown: Sequence[str], counts: Mapping[str, int]) -> str:
    said = [f"{each or 'an empty cell'!r} ({counts[each]:,})" for each in unknown[:SHOWN]]
    more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
    example = ",".join(f"{each}={ours}" for each, ours in zip(unknown, ("a", "b", "indifferent"), strict=False))
    return (
        f"These answers are not known: {', '.join(said)}{more}. Say what they mean ({listed(CHOICES)}), such as"
        f" --choice-map {example}; a is the first generator of the pair."
    )
