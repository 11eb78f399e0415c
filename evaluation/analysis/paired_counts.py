"""Answers to pairs of generators on one question, counted: what a ranking is fitted to, and what its errors take.

A frame of ratings is counted by pair and choice. Where an analysis has counted the frame before (``tally``), its tables
by rater and by prompt hold all that a ranking of many ratings needs, and the frame is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.words import nearest
from evaluation.analysis.columns import Codes, CompositeKey, chunks, codes_of, level_names, main_ratings, used_levels
from evaluation.analysis.paired_errors import Errors
from evaluation.analysis.paired_models import Fit, Rows
from evaluation.analysis.paired_units import UnitAnswers
from evaluation.analysis.tally import CountTable, Tally


@dataclass(frozen=True)
class Answers:
    """The answers of one question: ``names`` of the generators, counts by pair (and side), and what makes the errors of
    a fit to them when asked.
    """

    names: list[str]
    rows: Rows
    n_ratings: int
    n_raters: int
    n_prompts: int
    errors: Callable[[Fit], Errors]

    @classmethod
    def of_frame(
        cls, ratings: pd.DataFrame, question: str | None, category: str | None = None, correct_side: bool = False
    ) -> Answers:
        """From a validated frame, without its control trials.

        Raises:
            ValueError: an unknown question or category, several questions, or sides that are not known.
        """
        frame = _selected(ratings, question, category)
        names, rows, codes = count_rows(frame, correct_side)
        n_raters, n_prompts = used_levels(frame["rater_id"]), used_levels(frame["prompt_id"])
        return cls(names, rows, len(frame), n_raters, n_prompts, lambda fitted: Errors.of(frame, fitted, codes()))

    @classmethod
    def of_tally(cls, tally: Tally, question: str) -> Answers:
        """From a tally with ratings of ``question``; errors take the cell term rating by rating."""
        numbers = [at for at, each in enumerate(tally.comparisons) if each.question == question]
        pairs = [(tally.comparisons[at].generator_a, tally.comparisons[at].generator_b) for at in numbers]
        names = sorted({name for pair in pairs for name in pair})
        place = {name: at for at, name in enumerate(names)}
        first, second = np.array([[place[name] for name in pair] for pair in pairs], dtype=np.int64).T
        row = np.full(len(tally.comparisons), -1, dtype=np.int64)
        row[numbers] = np.arange(len(numbers))
        prompts, raters = (
            _by_unit(table, row, len(numbers), len(ids))
            for table, ids in ((tally.by_prompt, tally.prompt_ids), (tally.by_rater, tally.rater_ids))
        )
        counts = prompts.by_answer(3 * len(numbers)).reshape(-1, 3)
        rows = Rows(len(names), first, second, np.zeros_like(first), counts, with_bias=False)

        def errors(fitted: Fit) -> Errors:
            return Errors.of_counts(fitted, raters, prompts)

        return cls(names, rows, int(counts.sum()), raters.n_present, prompts.n_present, errors)


def _by_unit(table: CountTable, row: npt.NDArray[np.int64], n_rows: int, n_units: int) -> UnitAnswers:
    """A tally's counts by unit and answer, over categories; ``row``: of each comparison, -1 where it is not asked."""
    rows = row[table.comparison]
    kept = rows >= 0
    return UnitAnswers.of_counts(table.unit[kept] * n_rows + rows[kept], table.counts[kept], n_units, n_rows)


def count_rows(frame: pd.DataFrame, correct_side: bool = False) -> tuple[list[str], Rows, Callable[[], Codes]]:
    """Names of the generators, counts by pair (and side), and what gives each rating's row * 3 + choice in those
    counts when asked; of ratings of one question.
    """
    all_names = [str(each) for each in frame["generator_a"].cat.categories]
    size = len(all_names) ** 2 * (2 if correct_side else 1)
    if correct_side and ("a_shown_left" not in frame or frame["a_shown_left"].isna().any()):
        raise ValueError("Correcting for sides needs a_shown_left in every rating; some are missing.")
    left_side = frame["a_shown_left"].to_numpy(dtype=bool) if correct_side else None
    choice = codes_of(frame["choice"])

    pair_key = CompositeKey.of(frame, ("generator_a", "generator_b"))

    def keys(part: slice) -> npt.NDArray[np.int64]:
        key = pair_key.rows(part)
        if left_side is not None:
            key = key * 2 + left_side[part]
        return key * 3 + choice[part]

    flat = np.zeros(size * 3, dtype=np.int64)
    for part in chunks(len(frame)):
        flat += np.bincount(keys(part), minlength=size * 3)
    counts = flat.reshape(-1, 3)
    used = np.flatnonzero(counts.any(axis=1))
    lookup = np.zeros((size, 3), dtype=np.int32)
    lookup[used] = np.arange(len(used) * 3).reshape(-1, 3)

    def codes() -> Codes:
        code = np.empty(len(frame), dtype=np.int32)
        for part in chunks(len(frame)):
            code[part] = lookup.ravel()[keys(part)]
        return code

    pair, left = np.divmod(used, 2) if correct_side else (used, np.zeros_like(used))
    first, second = np.divmod(pair, max(len(all_names), 1))
    present = np.unique(np.concatenate([first, second]))
    rows = Rows(
        len(present),
        np.searchsorted(present, first),
        np.searchsorted(present, second),
        np.where(left == 1, 1, -1) if correct_side else np.zeros_like(used),
        counts[used].astype(float),
        correct_side,
    )
    return [all_names[at] for at in present], rows, codes


_NEEDED = ("rater_id", "prompt_id", "generator_a", "generator_b", "choice", "a_shown_left")


def _selected(ratings: pd.DataFrame, question: str | None, category: str | None) -> pd.DataFrame:
    frame = main_ratings(ratings)
    questions = level_names(frame["question"])
    if question is None and len(questions) > 1:
        raise ValueError(f"The ratings answer several questions ({', '.join(questions)}); say which one to rank by.")
    keep = np.ones(len(frame), dtype=bool)
    for name, wanted in (("question", question), ("category", category)):
        if wanted is None:
            continue
        allowed = level_names(frame[name])
        if wanted not in allowed:
            hint = nearest(wanted, allowed) or "."
            raise ValueError(f"Unknown {name} {wanted!r}{hint} There are {', '.join(allowed)}.")
        if len(allowed) > 1:
            keep &= codes_of(frame[name]) == [str(each) for each in frame[name].cat.categories].index(wanted)
    frame = frame[[name for name in _NEEDED if name in frame]]  # each column less is a column less to filter
    return frame if keep.all() else frame[keep]
