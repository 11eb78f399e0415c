"""Measured gates as the exam of the weights that drew them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks._weights_measures import Result
from generators import registry
from generators.exams import Exam, ExamRow, deciding


def exam_row(result: Result) -> ExamRow:
    """A gate as an exam keeps it."""
    shares = (result.drawn, result.low, result.high, result.least, result.shuffled, result.renders)
    return ExamRow(result.gate, result.held_out, result.n, *(round(share, 4) for share in shares))


def exam_for(name: str, parameters: Mapping[str, Any], rows: Sequence[ExamRow], *, cpu_s: float, objects: int) -> Exam:
    """The exam of the weights that the generator `name` has with these parameters, at every size. `cpu_s`: a picture.

    Raises:
        GeneratorError: the weights are missing or damaged.
    """
    spec = registry.get_spec(name)
    values = spec.resolve(parameters)
    known = [registry.identity(spec, values, size) for size in spec.sizes]
    fingerprints = tuple(dict.fromkeys(identity[1] for identity in known if identity))
    return Exam(name, deciding(name, values), fingerprints, tuple(rows), round(cpu_s, 2), objects)
