"""The auditor on Imagen's figures (Saharia et al. 2022, table 2), and its page of the documentation."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from evaluation.analysis.audit import audit, possible_spread
from evaluation.analysis.published import page


def test_alignment_cannot_be_a_standard_error() -> None:
    found = audit(91.4, 0.44, n=51 * 200, levels=(0, 50, 100))
    se = found.reading("standard error")
    assert se.independent is False and se.spread is not None
    assert se.spread[0] < 44.4 < se.spread[1]
    assert found.possible_spread[1] == pytest.approx(28.0, abs=0.05)
    assert found.reading("95% interval").independent is True
    assert found.reading("99% interval").independent is False


def test_photorealism_is_narrower_than_wald() -> None:
    found = audit(39.5, 0.75, n=73 * 200)
    wald = 1.959964 * math.sqrt(39.5 * 60.5 / (73 * 200))
    assert wald == pytest.approx(0.793, abs=5e-4)
    interval = found.reading("95% interval")
    assert interval.independent is False and interval.narrower and not interval.clustered
    assert found.reading("standard error").independent is False


def test_captions_without_people_give_the_number_of_images() -> None:
    low, high = audit(43.9, 1.01).reading("95% interval").n_independent
    assert [math.ceil(low / 73), math.floor(high / 73)] == [126, 128]


def test_spread_between_levels() -> None:
    assert possible_spread(50, (0, 50, 100)) == (0, 50)
    assert possible_spread(75, (0, 50, 100)) == pytest.approx((25, math.sqrt(75 * 25)))
    assert possible_spread(100, (0, 100)) == (0, 0)
    with pytest.raises(ValueError, match="levels"):
        possible_spread(120, (0, 100))


def test_bad_figures_are_refused() -> None:
    with pytest.raises(ValueError, match="half-width"):
        audit(50, 0)
    with pytest.raises(ValueError, match="two ratings"):
        audit(50, 1, n=1)


def test_words_and_table() -> None:
    found = audit(91.4, 0.44, n=51 * 200, levels=(0, 50, 100))
    assert "As a standard error: " in found.in_words()[0] and "Impossible" in found.in_words()[0]
    assert len(found.to_frame()) == 4
    assert audit(43.9, 1.01).in_words()[2] == "As a 95 % interval: 9183 to 9367 independent ratings would give it."


def test_page_is_what_the_auditor_says() -> None:
    path = Path(__file__).parents[2] / "docs" / "published-figures.md"
    assert path.read_text(encoding="utf-8") == page(), "write it anew: python -m evaluation.analysis.published"
