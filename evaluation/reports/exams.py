"""What generators were measured to draw before a study, beside each other: exams of the weights that drew its runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from generators.exams import Exam, ExamRow, exam_of


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that was asked, and how each of the runs did; None for one that was not asked it. `least`: the share
    that counts as learned."""

    asked: str
    held_out: bool
    least: float
    cells: tuple[ExamRow | None, ...]


@dataclass(frozen=True, slots=True)
class Exams:
    """`columns`: of each run with an exam its label and of how many objects it was asked, in the order of the cells;
    `without`: the labels of those that have none. `n`: pictures of each share, the fewest and the most."""

    columns: tuple[tuple[str, int], ...]
    lines: tuple[Asked, ...]
    without: tuple[str, ...]
    n: tuple[int, int]


def exams_beside(runs: Iterable[Mapping[str, Any]]) -> Exams | None:
    """The exams of some runs, None where none has any.

    `runs`: each with `label`, `generator`, `parameters` and `weights_fingerprint`, as a specification has them.
    """
    told: dict[str, Exam] = {}
    without = []
    for run in runs:
        exam = exam_of(run["generator"], run["parameters"], run.get("weights_fingerprint", ""))
        if exam is None:
            without.append(run["label"])
        else:
            told[run["label"]] = exam
    if not told:
        return None
    asked = {(row.asked, row.held_out): row.least for exam in told.values() for row in exam.rows}
    lines = tuple(
        Asked(
            what,
            held_out,
            least,
            tuple(
                next((row for row in exam.rows if (row.asked, row.held_out) == (what, held_out)), None)
                for exam in told.values()
            ),
        )
        for (what, held_out), least in asked.items()
    )
    counts = [row.n for exam in told.values() for row in exam.rows]
    columns = tuple((label, exam.objects) for label, exam in told.items())
    return Exams(columns, lines, tuple(without), (min(counts), max(counts)))
