"""Exams of the runs of a study, beside each other."""

from __future__ import annotations

import pytest

from evaluation.reports import exams
from evaluation.reports.exams import exams_beside
from generators.exams import Exam, ExamRow

ROW = ExamRow("position", False, 60, 0.85, 0.74, 0.92, 0.85, 0.0, 1.0)
HELD_OUT = ExamRow("position", True, 12, 0.5, 0.25, 0.75, 0.85, 0.0, 1.0)


def run(label: str, fingerprint: str = "") -> dict[str, object]:
    """As a specification names one."""
    return {"label": label, "generator": "cascade", "parameters": {}, "weights_fingerprint": fingerprint}


def test_each_share_stands_under_its_run_and_what_lacks_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        "whole": Exam("cascade", {}, ("whole",), (ROW, HELD_OUT), 0.7, 19),
        "part": Exam("cascade", {}, ("part",), (HELD_OUT,), 0.7, 38),
    }
    monkeypatch.setattr(exams, "exam_of", lambda generator, parameters, fingerprint: known.get(fingerprint))
    made = exams_beside([run("A", "whole"), run("theirs"), run("B", "part")])
    assert made is not None
    assert (made.columns, made.without, made.n) == ((("A", 19), ("B", 38)), ("theirs",), (12, 60))
    assert [(line.asked, line.held_out, line.cells) for line in made.lines] == [
        ("position", False, (ROW, None)),
        ("position", True, (HELD_OUT, HELD_OUT)),
    ]
    assert exams_beside([run("theirs")]) is None
    assert exams_beside([]) is None
