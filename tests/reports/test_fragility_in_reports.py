"""How few would overturn a finding, in reports: computed where it is quick, kept, and read back."""

from __future__ import annotations

import pytest

from evaluation.analysis.fragility import fragility
from evaluation.analysis.frame import validate_ratings
from evaluation.reports import compute as compute_module
from evaluation.reports.compute import ReportInput, compute_report, settings_from
from evaluation.reports.document import ReportDocument
from evaluation.reports.wording.fragility import fragile_questions, fragility_text
from tests.reports.sample import three_generators


def document() -> ReportDocument:
    given = ReportInput(three_generators(), ("fidelity", "alignment"), None, None, None)
    return compute_report(given, settings_from({}))


def test_a_report_has_it_and_reads_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    found = document()
    assert found.fragility is not None
    assert [each.to_dict() for each in found.fragility] == [
        each.to_dict() for each in fragility(validate_ratings(three_generators()))
    ]
    assert ReportDocument.from_dict(found.to_dict()).fragility == found.fragility
    questions = fragile_questions(found.fragility)
    assert {each.question for each in questions} == {"fidelity", "alignment"} and len(questions[0].pairs) == 3
    text = fragility_text(found.fragility)
    for each in questions:
        assert each.leader in text and all(pair.zero in text and pair.sign in text for pair in each.pairs)
    monkeypatch.setattr(compute_module, "FRAGILITY_WORK", 10)
    large = document()
    assert large.fragility is None and "fragility" not in large.to_dict()
    assert ReportDocument.from_dict(large.to_dict()).fragility is None
