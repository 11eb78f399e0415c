"""How fragile findings are, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.words import counted
from evaluation.analysis.fragility import Fewest, Fragility

HEADING = "How few would overturn it (an upper bound: the sets named in the JSON do, a smaller one may exist)"
NOUNS = {"raters": "rater", "prompts": "prompt", "votes": "vote"}


@dataclass(frozen=True)
class FragilePair:
    """One pair's line: how many of each there are, and what would have to go."""

    names: str
    sizes: str
    zero: str
    sign: str


@dataclass(frozen=True)
class FragileQuestion:
    """One question: `votes` in all, what the first place hangs on, and its pairs."""

    question: str
    votes: str
    leader: str
    pairs: tuple[FragilePair, ...]


def fragile_questions(results: Sequence[Fragility]) -> tuple[FragileQuestion, ...]:
    """The findings by question, in words."""
    found = []
    for question in dict.fromkeys(each.question for each in results):
        own = [each for each in results if each.question == question]
        pairs = []
        for each in own:
            sizes = [counted(getattr(each, f"n_{unit}"), noun) for unit, noun in NOUNS.items()]
            names = f"{each.generator_a} against {each.generator_b}"
            pairs.append(FragilePair(names, ", ".join(sizes), _needs(each.zero), _needs(each.sign)))
        votes = counted(sum(each.n_votes for each in own), "vote")
        found.append(FragileQuestion(question, votes, _needs(own[0].leader), tuple(pairs)))
    return tuple(found)


def fragility_text(results: Sequence[Fragility]) -> str:
    """A line a finding, by question: who leads, then each pair's interval and sign."""
    lines = [HEADING]
    for each in fragile_questions(results):
        lines += ["", f"{each.question}, {each.votes}", f"  first place of the ranking: {each.leader}"]
        for pair in each.pairs:
            lines += [
                f"  {pair.names} ({pair.sizes})",
                f"    until the interval holds zero: {pair.zero}",
                f"    until the other is ahead: {pair.sign}",
            ]
    return "\n".join(lines)


def _needs(fewest: Fewest) -> str:
    """What would have to go, as "2 raters, 8 prompts or 22 votes", or why there is nothing to overturn."""
    if fewest.why is not None:
        return f"nothing to overturn, since {fewest.why}"
    told = [counted(n, noun) for unit, noun in NOUNS.items() if (n := getattr(fewest, unit)) is not None]
    if not told:
        return "no removal that was tried is enough"
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} or {told[-1]}"
