"""What a study sets out to show, declared when it is made: primary pairs and questions, and for whom it speaks.

Whoever names nothing declares all pairs and all questions, as one family.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.words import nearest
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, ESTIMANDS
from evaluation.errors import InputError
from evaluation.selectors.declared import Primary


def primary(
    *,
    pairs: Sequence[Sequence[str]],
    questions: Sequence[str],
    estimand: str,
    meeting: Sequence[tuple[str, str]],
    asked: Sequence[str],
) -> Primary:
    """The declaration, checked.

    Args:
        pairs: of labels, two each in any order; all of `meeting` where empty.
        meeting: the pairs that meet in trials.
        questions: of `asked`, the questions that are answered by a choice; all of them where empty.
        estimand: a key of `ESTIMANDS`, the default where empty.

    Raises:
        InputError: a label, question or estimand is not there, a pair is none, or something stands twice. Its field is
            `primary_pairs`, `primary_questions` or `estimand`.
    """
    estimand = estimand or DEFAULT_ESTIMAND
    if estimand not in ESTIMANDS:
        hint = nearest(estimand, ESTIMANDS) or "."
        raise InputError(f'Unknown estimand "{estimand}"{hint} Allowed are {", ".join(ESTIMANDS)}.', field="estimand")
    for question in questions:
        if question not in asked:
            hint = nearest(question, asked) or "."
            raise InputError(
                f'Unknown primary question "{question}"{hint} The protocol asks: {", ".join(asked) or "none"}.',
                field="primary_questions",
            )
    _refuse_twice(questions, "primary question", "primary_questions")
    labels = list(dict.fromkeys(label for pair in meeting for label in pair))
    chosen = [_pair(each, labels) for each in pairs]
    _refuse_twice([" and ".join(each) for each in chosen], "primary pair", "primary_pairs")
    everything = [tuple(sorted(each)) for each in meeting]
    for each in chosen:
        if each not in everything:
            raise InputError(f"{each[0]} and {each[1]} never meet in a trial of this study.", field="primary_pairs")
    named = tuple(sorted((first, second) for first, second in (chosen or everything)))
    return Primary(named, tuple(each for each in asked if not questions or each in questions), estimand)


def _pair(given: Sequence[str], labels: Sequence[str]) -> tuple[str, str]:
    if isinstance(given, str) or len(given) != 2:
        raise InputError(
            f'A primary pair names two different runs by their labels; got "{", ".join(given)}".', field="primary_pairs"
        )
    for label in given:
        if label not in labels:
            hint = nearest(label, labels) or "."
            raise InputError(
                f'Unknown label "{label}" in a primary pair{hint} The study compares {", ".join(labels)}.',
                field="primary_pairs",
            )
    first, second = sorted(given)
    if first == second:
        raise InputError(f'A primary pair names two different runs; got "{first}" twice.', field="primary_pairs")
    return first, second


def _refuse_twice(names: Iterable[str], what: str, field: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"The {what} {name} was given twice. Give it once.", field=field)
        seen.add(name)
