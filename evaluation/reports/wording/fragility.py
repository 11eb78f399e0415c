"""How fragile findings are, in words."""

from __future__ import annotations

from collections.abc import Sequence

from common.words import counted
from evaluation.analysis.fragility import Fewest, Fragility

HEADING = "How few would overturn it (an upper bound: the sets named in the JSON do, a smaller one may exist)"
NOUNS = {"raters": "rater", "prompts": "prompt", "votes": "vote"}


def fragility_text(results: Sequence[Fragility]) -> str:
    """A line a finding, by question: who leads, then each pair's interval and sign."""
    lines, question = [HEADING], ""
    for each in results:
        if each.question != question:
            question = each.question
            votes = sum(other.n_votes for other in results if other.question == question)
            lines += [
                "",
                f"{question}, {counted(votes, 'vote')}",
                f"  first place of the ranking: {_needs(each.leader)}",
            ]
        sizes = [counted(getattr(each, f"n_{unit}"), noun) for unit, noun in NOUNS.items()]
        lines += [
            f"  {each.generator_a} against {each.generator_b} ({', '.join(sizes)})",
            f"    until the interval holds zero: {_needs(each.zero)}",
            f"    until the other is ahead: {_needs(each.sign)}",
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
