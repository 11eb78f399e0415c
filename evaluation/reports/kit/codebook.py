"""What each column of an exported file means: its unit, what values it takes, and what an empty cell says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from evaluation.analysis.frame import RATER
from evaluation.reports.ratings_file import no_formula

NEVER = "is never empty"
"""Of a column that always has a value."""


@dataclass(frozen=True)
class Column:
    """`unit`: empty of what has none. `range`: of its values. `empty`: what an empty cell means."""

    meaning: str
    unit: str = ""
    range: str = "text"
    empty: str = NEVER


_RATER = Column("pseudonym of the rater, the same in every export of the study; it leads to no participant")
_PROMPT = Column("number of the prompt in its suite, from 0", range="five digits")
_CATEGORY = Column("category of the prompt", range="text; a name of its own where the suite gives none")
_QUESTION = Column("id of the question in the protocol")
_A = Column("label of the first run of the pair")
_B = Column("label of the second run of the pair")
_FLAG = "true, false"
_FRACTION, _NET = "0 to 1", "from -1 to 1"

WHEN_SHOWN: Mapping[str, Column] = {
    "response_time_ms": Column(
        "from all image sets decoded to the answer", "milliseconds", "whole, from 0", "the browser gave no time"
    ),
    "position": Column("place of the trial in the rater's session", range="whole, from 0", empty="not known"),
    "control": Column("whether the trial is a control trial, which counts in no result", range=_FLAG),
    "simulated": Column("whether a program gave it, not a person", range=_FLAG),
    "panel": Column("panel of the rater: a category, or empty", empty="one panel rates all prompts"),
    "rated_at": Column("when the server took it", range="ISO 8601, UTC"),
    "repetition": Column(
        "0 the first time a rater saw the trial, 1 and more when it came again", range="whole, from 0"
    ),
    "set": Column("which image set of the prompt", range="whole, from 0"),
    "control_kind": Column(
        "kind of the control trial",
        range="same, swapped, repeated, gold",
        empty="no control trial that the study added",
    ),
    "times_away": Column(
        "how often the page lost the focus during the trial", range="whole, from 0", empty="not noted"
    ),
    "clicks": Column("clicks and touches during the trial", range="whole, from 0", empty="not noted"),
    "keys": Column("keys pressed during the trial", range="whole, from 0", empty="not noted"),
    "shown_width": Column("width of an image as shown", "CSS pixels", "whole, from 1", "the browser did not say"),
    "shown_device_width": Column(
        "width of an image as shown", "pixels of the device", "whole, from 1", "the browser did not say"
    ),
    "theme": Column("how light the page was", range="light, grey, dark", empty="the browser did not say"),
    "rater_language": Column(
        "language of the pages that the rater read", range="BCP 47", empty="fewer than five raters read it"
    ),
}
"""Columns of the trial as shown, of ratings and answers."""

RATINGS: Mapping[str, Column] = {
    "rater_id": _RATER,
    "prompt_id": _PROMPT,
    "category": _CATEGORY,
    "generator_a": _A,
    "generator_b": _B,
    "question": _QUESTION,
    "choice": Column(
        "the preference, whichever side stood left; “both bad” counts as indifferent", range="a, indifferent, b"
    ),
    "a_shown_left": Column("whether generator_a stood left", range=_FLAG),
    "control_answer": Column(
        "right answer of a control trial", range="a, indifferent, b", empty="no control trial, or nothing is right"
    ),
    **WHEN_SHOWN,
}

ANSWERS: Mapping[str, Column] = {
    "rater_id": _RATER,
    "prompt_id": _PROMPT,
    "category": _CATEGORY,
    "question": _QUESTION,
    "kind": Column("kind of the question", range="choice, scale, ranking, claim, words, points, reasons, text"),
    "shown": Column("labels of the runs in the order shown", range="JSON list of texts"),
    "value": Column("the answer, in the form of its kind (docs: votes from anywhere)", range="JSON"),
    "control_answer": Column(
        "right answer of a control trial", range="JSON", empty="no control trial, or its answer is not known"
    ),
    **WHEN_SHOWN,
}

_COUNTS: Mapping[str, Column] = {
    "n_ratings": Column("ratings that the row is of", "ratings", "whole, from 1"),
    "n_answers": Column("answers that the row is of", "answers", "whole, from 1"),
    "n_left_out": Column("answers that said nothing", "answers", "whole, from 0"),
    "n_raters": Column("raters who gave them", "raters", "whole, from 1"),
    "n_prompts": Column("prompts that they are about", "prompts", "whole, from 1"),
}
_INTERVAL: Mapping[str, Column] = {
    "interval": Column("name of the default interval", empty="no interval can be had"),
    "low": Column("lower end of the interval, not cut at what is possible", "as the estimate", "number", "no interval"),
    "high": Column("upper end of the interval, not cut", "as the estimate", "number", "no interval"),
    "independent_low": Column(
        "lower end with all ratings taken as independent", "as the estimate", "number", "no interval"
    ),
    "independent_high": Column(
        "upper end with all ratings taken as independent", "as the estimate", "number", "no interval"
    ),
}
TABLES: Mapping[str, Column] = {
    "generator_a": _A,
    "generator_b": _B,
    "question": _QUESTION,
    "category": Column("category that the row is of", empty="the row is over all categories"),
    **{name: _COUNTS[name] for name in ("n_ratings", "n_raters", "n_prompts")},
    "share_a": Column("share of ratings for generator_a", "fraction", _FRACTION),
    "share_indifferent": Column("share of ratings without preference", "fraction", _FRACTION),
    "share_b": Column("share of ratings for generator_b", "fraction", _FRACTION),
    "net": Column("share_a minus share_b", "fraction", _NET),
    **_INTERVAL,
    "p": Column(
        "tests no preference by the interval's method; overall adjusted by Holm over the primary comparisons, in "
        "categories over these",
        range=_FRACTION,
        empty="no interval",
    ),
    "role": Column("whether the comparison was declared primary", range="confirmatory, exploratory", empty="not said"),
    "shown_to_lead": Column("label of the run that is shown to be preferred", empty="neither is shown to be"),
}
ANSWER_TABLES: Mapping[str, Column] = {
    "question": _QUESTION,
    "kind": Column("kind of the question, or ranking"),
    "measure": Column("what is estimated", range="mean, holds, unsure, marked, points, share:ID, score"),
    "generator": Column("label of the run"),
    "category": Column("category that the row is of", empty="the row is over all categories"),
    **{name: _COUNTS[name] for name in ("n_answers", "n_left_out", "n_raters", "n_prompts")},
    "estimate": Column("the mean or share; of a ranking the score", "fraction; of a mean the scale's", "number"),
    **_INTERVAL,
    "rank": Column("rank, of scores", range="whole, from 1", empty="the row is no ranking's"),
    "rank_low": Column("best rank of the band", range="whole, from 1", empty="the row is no ranking's"),
    "rank_high": Column("worst rank of the band", range="whole, from 1", empty="the row is no ranking's"),
}

FILES: Mapping[str, Mapping[str, Column]] = {
    "ratings": RATINGS,
    "answers": ANSWERS,
    "tables": TABLES,
    "answer-tables": ANSWER_TABLES,
}
"""By the file's name without its suffix."""


def column(file: str, name: str) -> Column:
    """The meaning of a column. Raises KeyError of one that no file of that name has."""
    known = FILES[file].get(name)
    if known is None and file in ("ratings", "answers") and name.startswith(RATER):
        return Column(
            f"what the rater said about themselves: {name.removeprefix(RATER)}",
            empty="no answer, or fewer than five raters share the combination",
        )
    return FILES[file][name] if known is None else known


def codebook(columns: Mapping[str, Iterable[str]]) -> list[dict[str, str]]:
    """A row for each column of each file, by the file's name."""
    return [
        {"file": file, "column": name, **asdict(column(file, name))}
        for file, names in columns.items()
        for name in names
    ]


def codebook_csv(rows: Iterable[Mapping[str, str]]) -> bytes:
    """The codebook as CSV."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, ["file", "column", *(each.name for each in fields(Column))], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: str(no_formula(text)) for name, text in row.items()} for row in rows)
    return buffer.getvalue().encode()
