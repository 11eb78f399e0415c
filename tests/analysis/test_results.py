"""What results are written as, and that quicker roads give the same."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.analysis.effective_design import FEW_LOADS, EffectiveDesign, _constants
from evaluation.analysis.results import document, piecewise_json, to_json
from evaluation.analysis.tally import CountTable, distinct


def test_pieces_write_what_the_whole_writes() -> None:
    values = {"é": 1 / 3, "list": [{"a": -0.0, "b": None}, {"c": (1, 2.5)}], "none": [], "text": 'a "quoted" one'}
    pieces = {key: iter(value) if isinstance(value, list) else value for key, value in values.items()}
    assert piecewise_json(pieces) == to_json(document(values))
    with pytest.raises(ValueError, match="not a finite number"):
        piecewise_json({"list": iter([1.0, float("nan")])})


@pytest.mark.parametrize("n", [0, 1, 2, 500])
def test_distinct_codes_are_those_of_numpy(n: int) -> None:
    codes = np.random.default_rng(n).integers(0, 60, size=n)
    assert np.array_equal(distinct(codes), np.unique(codes))


def test_one_category_is_counted_as_several_are() -> None:
    """The short road of a single category against the long one, which an empty row of another category takes."""
    rng = np.random.default_rng(3)
    unit, counts = np.sort(rng.choice(40, size=12, replace=False)), rng.integers(0, 5, size=(12, 3))
    zeros = np.zeros(12, dtype=np.int64)
    one = CountTable(zeros, zeros, unit, counts)
    more = CountTable(
        np.append(zeros, 0), np.append(zeros, 1), np.append(unit, unit[4]), np.vstack([counts, np.zeros((1, 3), int)])
    )
    assert one.one_category and not more.one_category
    assert np.array_equal(one.sizes()[:, 0], more.sizes()[:, 0]) and one.sizes().shape == (12, 1)
    for name in ("unit", "counts"):
        assert np.array_equal(getattr(one.over_categories(), name), getattr(more.over_categories(), name))
    assert one.categories().tolist() == [0] and more.categories().tolist() == [0, 1]
    assert one.of_category(0) is one and np.array_equal(more.of_category(0).counts, counts)


def test_a_remembered_panel_is_the_one_made_anew() -> None:
    rng = np.random.default_rng(4)
    raters, prompts = rng.multinomial(90, np.full(8, 1 / 8)), rng.multinomial(90, np.full(12, 1 / 12))
    sizes = raters[:, None].astype(float), prompts[:, None].astype(float)
    assert sizes[0].size + sizes[1].size < FEW_LOADS
    first, second = (EffectiveDesign.of(*sizes).panels[0] for _ in range(2))
    assert first.solve is second.solve
    anew = _constants(*sizes)
    assert all(np.array_equal(getattr(first, name), getattr(anew, name)) for name in anew._fields)
    other = EffectiveDesign.of(sizes[1], sizes[0]).panels[0]
    assert other.solve is not first.solve and len(other.raters) == 12
