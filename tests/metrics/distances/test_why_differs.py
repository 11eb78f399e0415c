"""Why two protocols differ: each step recomputed, in order, adding up to the gap exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.metrics.distances.why_differs import ORDER, on_a_grid, steps_between, why_differs
from evaluation.metrics.features.images import list_images
from evaluation.metrics.features.measure import Measure
from evaluation.metrics.features.moments import distance
from evaluation.metrics.features.pipeline import folder_statistics
from evaluation.metrics.features.protocols import PROTOCOLS
from tests.metrics.pictures import pictures
from tests.metrics.projection import projection


@pytest.mark.parametrize("end", ["dalle-squash", "ldm-30k", "gigagan-lanczos-clean"])
def test_steps_lead_from_one_to_the_other(end: str) -> None:
    start, last = PROTOCOLS["imagen-full"], PROTOCOLS[end]
    steps = steps_between(start, last, 30_000, 40_504)
    names = [step.name for step in steps]
    assert names == sorted(names, key=ORDER.index)
    assert (steps[-1].protocol.recipe, steps[-1].protocol.drop_last) == (last.recipe, last.drop_last)
    assert ("reference images" in names) == (end == "ldm-30k")
    back = steps_between(last, start, 30_000, 40_504)
    assert {(step.name, step.after, step.before) for step in back} == {(s.name, s.before, s.after) for s in steps}
    assert not steps_between(last, last, 30_000, 40_504)
    few = steps_between(start, last, 100, 100)  # where there are no more, a smaller part is no step
    assert "reference images" not in [step.name for step in few]


def test_the_sum_is_the_gap_and_the_ends_are_the_protocols_values(tmp_path: Path) -> None:
    a, b = pictures(tmp_path / "a", 70), pictures(tmp_path / "b", 66, first=200)
    end = replace(PROTOCOLS["dalle-squash"], precision="bfloat16", n_reference=65, n_generated=68)
    start, extractor = PROTOCOLS["imagen-full"], projection()
    start = replace(start, n_generated=None)
    measure = Measure(extractor, start, tmp_path / "cache", workers=1)
    found = why_differs(list_images(a), list_images(b), measure, end).to_dict()
    assert [step["step"] for step in found["steps"]] == [
        "crop", "filter", "size", "precision", "drop of the last batch", "reference images", "generated images",
    ]  # fmt: skip
    total = 0.0
    for step in found["steps"]:
        total += step["difference"]
    assert total == found["gap"] == found["to"]["value"] - found["from"]["value"]  # to the last bit
    assert all(step["difference"] for step in found["steps"][:4])
    for protocol, side in ((start, "from"), (PROTOCOLS["dalle-squash"], "drop of the last batch")):
        exact = replace(protocol, precision="float32" if side == "from" else "bfloat16")
        alone = [folder_statistics(folder, extractor, exact, workers=1).total() for folder in (a, b)]
        value = (
            found["from"]["value"]
            if side == "from"
            else next(step["value"] for step in found["steps"] if step["step"] == side)
        )
        assert value == pytest.approx(distance(*alone), rel=1e-9)
    assert (found["steps"][4]["n_1"], found["steps"][4]["n_2"]) == (64, 64)
    assert (found["n_1"], found["n_2"]) == (70, 66)


def test_a_grid_on_which_sums_are_exact() -> None:
    rng = np.random.default_rng(0)
    for scale in (1e-8, 1.0, 3e5):
        values = on_a_grid([float(value) for value in scale * rng.random(50)])
        total = values[0]
        for before, after in zip(values, values[1:], strict=False):
            total += after - before
        assert total == values[-1]
    assert on_a_grid([1.0, 0.5, 3.0]) == [1.0, 0.5, 3.0]
    assert on_a_grid([0.0, 0.0]) == [0.0, 0.0]
    assert on_a_grid([12.345678901234]) == pytest.approx([12.345678901234], rel=1e-11)
