"""Exams of weights: found by fingerprint and settings, kept when others come."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import weights
from benchmarks._exams import exam_for, exam_row
from benchmarks._weights_measures import Result
from generators import registry
from generators.contenders.folder import MADE_OF
from generators.exams import Exam, ExamRow, deciding, exam_of, exams, exams_keep
from generators.places import WEIGHTS

ROW = ExamRow("position", False, 60, 0.85, 0.74, 0.92, 0.85, 0.0, 1.0)


def test_it_is_of_the_weights_at_any_size_and_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "exams.json"
    plain, led = (
        Exam("cascade", {}, ("a1", "a2"), (ROW,), 0.7, 19),
        Exam("cascade", {"matcher_guidance": 10.0}, ("a1",), (), 0.7, 19),
    )
    exams_keep([plain, led], path)
    defaults = registry.get_spec("cascade").resolve({})
    for fingerprint in ("a1", "a2"):
        assert exam_of("cascade", defaults, fingerprint, path) == plain
    assert exam_of("cascade", {**defaults, "matcher_guidance": 10.0}, "a1", path) == led
    assert exam_of("cascade", {**defaults, "sr_steps": 4, "weights": "elsewhere"}, "a2", path) == plain
    assert exam_of("cascade", {**defaults, "guidance": 4.0}, "a1", path) is None
    assert exam_of("unclip", {}, "a1", path) is None
    assert exam_of("cascade", defaults, "", path) is None
    assert exam_of("cascade", defaults, "a1", tmp_path / "none.json") is None
    assert exam_of("gone", {}, "a1", path) is None


def test_a_new_exam_takes_the_place_of_its_own_alone(tmp_path: Path) -> None:
    path = tmp_path / "exams.json"
    before, other = Exam("latent", {}, ("old",), (ROW,), 0.7, 19), Exam("unclip", {}, ("u",), (ROW,), 0.7, 19)
    exams_keep([before, other], path)
    better = Exam("unclip", {}, ("u",), (), 0.7, 19)
    exams_keep([better, Exam("latent", {}, ("new",), (), 0.7, 19)], path)
    assert exam_of("latent", {}, "old", path) == before
    assert exam_of("unclip", {}, "u", path) == better
    assert len(exams(path)) == 3


def test_learned_is_at_least_the_share() -> None:
    assert ROW.met and not ExamRow("position", False, 60, 0.84, 0.7, 0.9, 0.85, 0.0, 1.0).met


def test_measured_gates_become_the_exam_of_the_weights_that_drew_them(tmp_path: Path) -> None:
    """Found by what a run states of its weights, at any size; those of the default are not theirs."""
    path, wider = tmp_path / "exams.json", str(WEIGHTS / "wider")
    row = exam_row(Result("position", 0.85, True, 60, 0.77123, 0.65, 0.86, 0.0, 1.0))
    assert row == ExamRow("position", True, 60, 0.7712, 0.65, 0.86, 0.85, 0.0, 1.0)
    exams_keep([exam_for("cascade", {"weights": wider}, [row], cpu_s=0.814, objects=38)], path)
    spec = registry.get_spec("cascade")
    values = spec.resolve({"weights": wider})
    for size in spec.sizes:
        identity = registry.identity(spec, values, size)
        assert identity is not None
        exam = exam_of("cascade", values, identity[1], path)
        assert exam is not None and (exam.rows, exam.objects, exam.cpu_s) == ((row,), 38, 0.81)
    plain = registry.identity(spec, spec.resolve({}), 64)
    assert plain is not None and exam_of("cascade", spec.resolve({}), plain[1], path) is None


def test_an_exam_is_kept_by_benchmarks_weights_of_named_weights_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        weights.main(["--exam", "--print"])
    assert "--exam is for weights that --weights names" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["cascade", "cascade-no-sr-text", *MADE_OF])
def test_what_ships_has_its_exam(name: str) -> None:
    """At every size, with the default settings; whoever changes the weights gives them theirs."""
    spec = registry.get_spec(name)
    values = spec.resolve({})
    assert deciding(name, values) == {}
    for size in spec.sizes:
        identity = registry.identity(spec, values, size)
        assert identity is not None
        exam = exam_of(name, values, identity[1])
        assert exam is not None, f"{name} at {size}: python -m benchmarks.contenders"
        assert {(row.asked, row.held_out) for row in exam.rows} >= {("colour and object", False), ("position", True)}
        assert all(row.n >= 12 and row.low <= row.right <= row.high for row in exam.rows)
