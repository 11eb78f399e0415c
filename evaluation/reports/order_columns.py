"""The orders of generators that a study's report holds: rankings, means that have a better end, and single pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evaluation.analysis.orders import Order
from evaluation.reports.answer_groups import LOWER_IS_BETTER, ORDERING, answer_groups
from evaluation.reports.document import ReportDocument
from evaluation.reports.further import NET, SCORE


def orders_of(document: ReportDocument, source: str, keys: Mapping[str, str]) -> tuple[Order, ...]:
    """One order for each question and measure.

    Args:
        source: whose they are, such as the study's name.
        keys: of each generator's label what tells it from others in all studies, such as its run's name.
    """
    return tuple(_orders(document, source, keys))


def _orders(document: ReportDocument, source: str, keys: Mapping[str, str]) -> Iterator[Order]:
    results, answers = document.analysis, document.answers
    ranked = set()
    for ranking in (*results.rankings, *(answers.rankings if answers else ())):
        scored = [
            (keys.get(each.generator, each.generator), each.generator, each.score, each.low, each.high)
            for each in ranking.scores
        ]
        if scored:
            ranked.add(ranking.question)
            yield Order.of(source, ranking.question, SCORE, ranking.level, scored)
    for each in results.comparisons:
        alone = sum(one.question == each.question for one in results.comparisons) == 1
        if alone and each.question not in ranked:  # two generators have no ranking, but an order
            net, own = each.overall.net.estimate, each.overall.net.interval
            low, high = (own.low, own.high) if own else (None, None)
            a = (keys.get(each.generator_a, each.generator_a), each.generator_a, net, low, high)
            turned = (None if high is None else -high, None if low is None else -low)
            b = (keys.get(each.generator_b, each.generator_b), each.generator_b, -net, *turned)
            yield Order.of(source, each.question, NET, results.level, [a, b])
    for group in answer_groups(answers) if answers else ():
        if group.measure in ORDERING:
            values = []
            for one in group.overall:
                own = one.mean.interval
                low, high = (own.low, own.high) if own else (None, None)
                values.append((keys.get(one.generator, one.generator), one.generator, one.mean.estimate, low, high))
            falls = group.measure in LOWER_IS_BETTER
            yield Order.of(source, group.question, group.measure, group.level, values, lower_is_better=falls)
