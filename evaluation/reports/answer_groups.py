"""Results of answers as pages, figures and tables show them: one group for each question and measure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.analysis.answer_results import AnswerAnalysis, AnswerEstimate
from evaluation.analysis.ranking import Ranking
from evaluation.reports.ratings_file import no_formula

MEASURES: Mapping[str, str] = {
    "mean": "mean",
    "holds": "claims that hold",
    "unsure": "unsure answers",
    "marked": "words marked",
    "points": "points set",
    "share:both_bad": "both bad",
}
"""Measures in readers' words; shares of choices and tags are called by the texts that raters read."""
LOWER_IS_BETTER = frozenset({"marked", "points", "share:both_bad"})
ORDERING = frozenset({"mean", "holds", "marked", "points"})
"""Measures by which generators can be put in order: the others have no better end."""


@dataclass(frozen=True)
class AnswerGroup:
    """A measure of a question. ``number``: its place among all groups. ``overall``: a line a generator, the highest
    first. ``categories``: by name, in the same order of generators; none where there is one category.
    """

    number: int
    question: str
    kind: str
    measure: str
    overall: tuple[AnswerEstimate, ...]
    categories: Mapping[str, tuple[AnswerEstimate, ...]]
    level: float

    @property
    def is_share(self) -> bool:
        """Whether it is a share, shown in per cent."""
        return self.measure not in ("mean", "points")

    @property
    def n_left_out(self) -> int:
        """Answers that said nothing."""
        return sum(each.n_left_out for each in self.overall)

    def name(self, texts: Mapping[str, str] | None = None) -> str:
        """The measure in words. ``texts``: of choices and tags, by id."""
        if self.measure in MEASURES:
            return MEASURES[self.measure]
        own = self.measure.removeprefix("share:")
        return (texts or {}).get(own, own)


def answer_groups(analysis: AnswerAnalysis) -> tuple[AnswerGroup, ...]:
    """The groups in the order of the analysis."""
    found = []
    for number, (question, measure) in enumerate(
        dict.fromkeys((each.question, each.measure) for each in analysis.estimates)
    ):
        mine = [each for each in analysis.estimates if (each.question, each.measure) == (question, measure)]
        overall = sorted(
            (each for each in mine if each.category is None), key=lambda each: (-each.mean.estimate, each.generator)
        )
        order = {each.generator: at for at, each in enumerate(overall)}
        names = sorted({each.category for each in mine if each.category is not None})
        categories = {
            name: tuple(
                sorted((each for each in mine if each.category == name), key=lambda each: order[each.generator])
            )
            for name in (names if len(names) > 1 else ())
        }
        found.append(AnswerGroup(number, question, mine[0].kind, measure, tuple(overall), categories, analysis.level))
    return tuple(found)


CSV_COLUMNS = (
    *("question", "kind", "measure", "generator", "category", "n_answers", "n_left_out", "n_raters", "n_prompts"),
    *("estimate", "interval", "low", "high", "independent_low", "independent_high", "rank", "rank_low", "rank_high"),
)


def answers_table_csv(analysis: AnswerAnalysis) -> str:
    """Every estimate and score as CSV; shares in fractions, the category of an overall row empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for each in analysis.estimates:
        own, naive = each.mean.interval, each.mean.independent
        row: list[object] = [each.question, each.kind, each.measure, each.generator, each.category or ""]
        row += [each.n_answers, each.n_left_out, each.n_raters, each.n_prompts, each.mean.estimate, each.mean.default]
        row += [*_ends(own), *_ends(naive), "", "", ""]
        writer.writerow([no_formula(cell) for cell in row])
    for ranking in (*analysis.rankings, *analysis.rankings_by_category):
        writer.writerows([no_formula(cell) for cell in row] for row in _ranks(ranking))
    return buffer.getvalue()


def _ranks(ranking: Ranking) -> list[list[object]]:
    return [
        [ranking.question, "ranking", "score", each.generator, ranking.category or "", ranking.n_ratings, 0]
        + [ranking.n_raters, ranking.n_prompts, each.score, ranking.model]
        + ["" if end is None else end for end in (each.low, each.high)]
        + ["", "", each.rank, each.rank_low, each.rank_high]
        for each in ranking.scores
    ]


def _ends(interval: object) -> Sequence[object]:
    return [getattr(interval, "low", ""), getattr(interval, "high", "")]
