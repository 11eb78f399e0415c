"""How results are read: names for people, the lines of a table, intervals cut at what is possible.

Pages, figures, tables and texts all take the results of `evaluation.analysis` as they are; what they say of them alike
stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from common.words import counted
from evaluation.analysis.cautions import is_too_wide
from evaluation.analysis.crossed import METHODS
from evaluation.analysis.early_looks import Bounds
from evaluation.analysis.effective import EFFECTIVE
from evaluation.analysis.estimates import CONFIRMATORY, EXPLORATORY, PreferenceRate
from evaluation.analysis.ranking import Ranking
from evaluation.analysis.summary_results import ComparisonResult

INTERVAL_NAMES = {
    "effective": "raters and prompts, effective degrees of freedom",
    "independent": "independent votes",
    "by_rater": "clustered by rater",
    "by_prompt": "clustered by prompt",
    "two_way": "two-way (raters and prompts)",
    "anova": "ANOVA",
    "pigeonhole": "pigeonhole",
}
"""What readers see for the contract's names of intervals."""

QUESTION_NAMES = {"fidelity": "Fidelity", "alignment": "Alignment"}
OVERALL = "Overall"
NAMED = 10
"""Categories that a sentence names; the rest are counted."""

MOST_FIGURES = 40
"""Comparisons that a file of many draws: a figure takes a second as PDF, most of it for its fonts, and 100 kB as SVG.
The site has the others."""


def drawn(comparisons: Sequence[ComparisonResult]) -> list[int]:
    """The places of those of which a file has a figure: all, or `MOST_FIGURES`, the primary ones first."""

    def exploratory(at: int) -> bool:
        standing = comparisons[at].overall.standing
        return standing is not None and standing.role == EXPLORATORY

    return sorted(sorted(range(len(comparisons)), key=exploratory)[:MOST_FIGURES])


class HasBounds(Protocol):
    """An interval of any kind, in fractions."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


UNSAID = (EFFECTIVE, "two_way")
"""Defaults that need no word beside them, this version's and the former."""


def method_name(method: str) -> str:
    """An interval's method in readers' words."""
    return INTERVAL_NAMES.get(method, method)


def question_name(question: str) -> str:
    """The question in readers' words."""
    return QUESTION_NAMES.get(question, label(question))


def label(name: str) -> str:
    """A name with a capital first letter and blanks for underscores; its other letters stay as they are ("SC")."""
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def cut(interval: HasBounds, least: float = -1.0) -> Bounds:
    """`interval` within what a net share can be (a share, where `least` is 0); with few raters or prompts, t intervals
    reach far beyond.
    """
    return Bounds(max(interval.low, least), min(interval.high, 1.0))


def says_nothing(interval: HasBounds, least: float = -1.0) -> bool:
    """Whether `interval` reaches over more than half of what a net share (a share, where `least` is 0) can be."""
    return is_too_wide(interval.low, interval.high, (least, 1.0))


def too_few(rate: PreferenceRate) -> str:
    """What stands instead of an interval: "too few raters" or "too few prompts" where it is too wide."""
    return f"too few {rate.too_few}" if rate.too_few else ""


def lines(comparison: ComparisonResult) -> list[tuple[str, PreferenceRate]]:
    """(name, rate) of a comparison's table: overall, then the categories; a single one would say the same again."""
    categories = comparison.categories if len(comparison.categories) > 1 or comparison.not_rated else {}
    return [(overall_name(comparison), comparison.overall), *categories.items()]


def overall_name(comparison: ComparisonResult) -> str:
    """What the overall line is called: "Overall (1 of 3)" where categories lack ratings."""
    n = len(comparison.categories)
    return f"{OVERALL} ({n} of {n + len(comparison.not_rated)})" if comparison.not_rated else OVERALL


def not_rated_words(comparison: ComparisonResult) -> str:
    """Says which categories an overall figure lacks; empty where it has all."""
    if not comparison.not_rated:
        return ""
    n = len(comparison.categories)
    names = ", ".join(comparison.not_rated[:NAMED])
    more = f" and {len(comparison.not_rated) - NAMED} more" if len(comparison.not_rated) > NAMED else ""
    return f"Overall covers {n} of {n + len(comparison.not_rated)} categories; not rated: {names}{more}."


def default_methods(comparison: ComparisonResult) -> list[str]:
    """The default intervals of a table's lines in readers' words, as they appear: one where all could be had."""
    return list(
        dict.fromkeys(method_name(rate.net.default) for _, rate in lines(comparison) if rate.net.interval is not None)
    )


def n_adjusted(comparison: ComparisonResult) -> int:
    """How many categories' p-values Holm's adjustment is over."""
    return sum(rate.p_holm is not None for rate in comparison.categories.values())


def p_shown(name: str, rate: PreferenceRate) -> float | None:
    """The p-value that a table's line shows: a category's, adjusted over the categories; a comparison's, adjusted over
    its family; of an exploratory comparison its own.
    """
    if name != OVERALL:
        return rate.p_holm
    standing = rate.standing
    return rate.p_value if standing is None or standing.p_value is None else standing.p_value


def role_words(rate: PreferenceRate) -> str:
    """What a comparison's family says of it, in a sentence or two; empty where it stands alone."""
    standing = rate.standing
    if standing is None or (standing.role == CONFIRMATORY and standing.n == 1):
        return ""
    if standing.role == EXPLORATORY:
        return "Exploratory: not one of the primary comparisons that were declared, so nothing is concluded from it."
    said = f"One of {standing.n:,} primary comparisons, over which its p-value is adjusted."
    if rate.excludes_zero and not standing.highlighted:
        said += " Its own interval excludes zero, but with so many comparisons one in twenty does by chance."
    return said


def p_tests(comparisons: Sequence[ComparisonResult]) -> str:
    """What the p-values of these tables are."""
    standings = [each.overall.standing for each in comparisons if each.overall.standing is not None]
    families = {each.n for each in standings if each.role == CONFIRMATORY and each.n is not None} - {1}
    numbers = {n_adjusted(each) for each in comparisons if len(lines(each)) > 1} - {0}
    parts = ['p tests "no preference"']
    if families:
        parts.append(f"the overall p-value is Holm-adjusted over {counted(max(families), 'comparison')}")
    elif standings and all(each.role == EXPLORATORY for each in standings):
        parts.append("the overall p-value is exploratory and not adjusted")
    if numbers:
        adjusted = "category p-values are Holm-adjusted"
        parts.append(adjusted if len(numbers) > 1 else f"{adjusted} ({counted(numbers.pop(), 'test')})")
    return "; ".join(parts)


def shortened(text: str, letters: int) -> str:
    """`text` with at most so many letters."""
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def why_lacking(rate: PreferenceRate) -> str:
    """Why the interval for new raters and new prompts can't be had, or, where there is none at all, why; empty where
    nothing is lacking.
    """
    why = rate.net.why
    widest = EFFECTIVE if EFFECTIVE in rate.net.intervals else "two_way"  # the default of earlier versions
    if widest in why or rate.net.interval is not None:
        return why.get(widest, "")
    return next((why[method] for method in METHODS if method in why), "")


def win_matrix(ranking: Ranking) -> list[tuple[str, list[float | None]]]:
    """(generator, how often it was preferred to each), rows and columns in the ranking's order; None where none met.

    Where there is no ranking, by name.
    """
    shares = ranking.win_shares
    names = [each.generator for each in ranking.scores] or sorted({name for pair in shares for name in pair})
    return [(row, [shares.get((row, column)) for column in names]) for row in names]
