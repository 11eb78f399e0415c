"""What a report has beside shares of preferences and means: screening, repeats, the photograph, part of the captions.

All of it is overall figures, one line each (`Line`), so that results with and without something stand side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from evaluation.analysis.answer_results import AnswerAnalysis
from evaluation.analysis.answers import main_answers
from evaluation.analysis.repeats import SeenAgain
from evaluation.analysis.results import Document, document, rounded
from evaluation.analysis.screening import Screening
from evaluation.analysis.signs import Signs
from evaluation.analysis.summary_results import Analysis

MOST_COMMENTS = 500
"""Comments that a report lists; the file of answers has all."""
NOBODY = "captions that name nobody"
AGAINST_REFERENCE = "preferred to the photograph"
NET = "net share"
SCORE = "score"


@dataclass(frozen=True)
class Line:
    """One overall figure. `generator`: whose; of a net share "one against two". `measure`: `AGAINST_REFERENCE`, the
    share of choices for the generated image; `NET`; `SCORE` of a ranking; or a measure of answers.
    """

    question: str
    measure: str
    generator: str
    n: int
    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Part:
    """The same figures over a part: of the raters (all, without screening), or of the captions. `n`: how many."""

    name: str
    n: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Comment:
    """A text that a rater wrote. `shown`: the generators in the order shown."""

    question: str
    prompt_id: str
    shown: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Further:
    """`files`: SHA-256 by file of what the report was made from, where that is more than a ratings file. `screening`:
    None where none was declared; `unscreened`: the figures with all raters. `nobody`: of captions that name nobody,
    where the suite says so. `lines`: the figures that `unscreened` and `nobody` are compared with; kept raters, all
    captions. `reference`: what the photographs are called, empty without. `n_comments`: of which `comments` are listed.
    `signs`: None where no rater has any.
    """

    files: Mapping[str, str]
    reference: str = ""
    lines: tuple[Line, ...] = ()
    screening: Screening | None = None
    unscreened: Part | None = None
    nobody: Part | None = None
    retests: tuple[SeenAgain, ...] = ()
    comments: tuple[Comment, ...] = ()
    n_comments: int = 0
    signs: Signs | None = None

    def against_reference(self) -> list[tuple[Line, Line | None]]:
        """The preference rate of each generator against the photograph, and that on captions that name nobody."""
        own = [each for each in self.lines if each.measure == AGAINST_REFERENCE]
        return beside(own, self.nobody)

    def to_dict(self) -> Document:
        signs = {} if self.signs is None else {"signs": self.signs.to_dict()}
        return document(
            signs
            | {
                "files": dict(self.files),
                "reference": self.reference,
                "lines": [asdict(each) for each in self.lines],
                "screening": self.screening.to_dict() if self.screening else None,
                "unscreened": asdict(self.unscreened) if self.unscreened else None,
                "nobody": asdict(self.nobody) if self.nobody else None,
                "retests": [each.to_dict() for each in self.retests],
                "comments": [asdict(each) for each in self.comments],
                "n_comments": self.n_comments,
            }
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> Further:
        """From `to_dict`, intervals at `level`."""
        return cls(
            files=data["files"],
            reference=data["reference"],
            lines=tuple(Line(**each) for each in data["lines"]),
            screening=Screening.from_dict(data["screening"]) if data["screening"] else None,
            unscreened=_part(data["unscreened"]),
            nobody=_part(data["nobody"]),
            retests=tuple(SeenAgain.from_dict(each, level) for each in data["retests"]),
            comments=tuple(Comment(**{**each, "shown": tuple(each["shown"])}) for each in data["comments"]),
            n_comments=data["n_comments"],
            signs=Signs.from_dict(data["signs"]) if data.get("signs") else None,
        )


def _part(data: Mapping[str, Any] | None) -> Part | None:
    return Part(data["name"], data["n"], tuple(Line(**each) for each in data["lines"])) if data else None


def beside(lines: Sequence[Line], part: Part | None) -> list[tuple[Line, Line | None]]:
    """Each line with the same figure over a part, where there is one."""
    there = {(each.question, each.measure, each.generator): each for each in (part.lines if part else ())}
    return [(each, there.get((each.question, each.measure, each.generator))) for each in lines]


def overall_lines(results: Analysis, answers: AnswerAnalysis | None, reference: str) -> tuple[Line, ...]:
    """The overall figures of both; of pairs with the photographs the rate for the generated image."""
    found = []
    for each in results.comparisons:
        a, b = each.generator_a, each.generator_b
        net, own = each.overall.net, each.overall.net.interval
        ends = (own.low, own.high) if own else (None, None)
        if reference in (a, b):
            sign = 1 if b == reference else -1
            values = [None if end is None else min(max((1 + sign * end) / 2, 0.0), 1.0) for end in ends]
            low, high = values if sign == 1 else values[::-1]
            named = (each.question, AGAINST_REFERENCE, a if sign == 1 else b)
            found.append(Line(*named, each.overall.n_ratings, (1 + sign * net.estimate) / 2, low, high))
        else:
            named = (each.question, NET, f"{a} against {b}")
            found.append(Line(*named, each.overall.n_ratings, net.estimate, *ends))
    for one in answers.estimates if answers else ():
        if one.category is None:
            own = one.mean.interval
            ends = (own.low, own.high) if own else (None, None)
            found.append(Line(one.question, one.measure, one.generator, one.n_answers, one.mean.estimate, *ends))
    for ranking in answers.rankings if answers else ():
        for score in ranking.scores:
            named = (ranking.question, SCORE, score.generator)
            found.append(Line(*named, ranking.n_ratings, score.score, score.low, score.high))
    return rounded(tuple(found))


def comments_of(answers: pd.DataFrame) -> tuple[tuple[Comment, ...], int]:
    """The comments of validated answers, by question and prompt, and how many there are in all."""
    texts = main_answers(answers)
    texts = texts[((texts["kind"] == "text") & (texts["value"] != "")).to_numpy()]
    ordered = sorted(
        (
            Comment(str(row.question), str(row.prompt_id), tuple(row.shown), str(row.value))
            for row in texts.itertuples()
        ),
        key=lambda each: (each.question, each.prompt_id, each.shown, each.text),
    )
    return tuple(ordered[:MOST_COMMENTS]), len(ordered)
