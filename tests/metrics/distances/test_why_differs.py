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


@pytest.mark.parametrize(
    ("count", "spoilt_files", "parts", "back"),
    [(9, False, None, False), (9, False, None, True), (66, True, None, False), (66, False, 40, False)],
)
def test_fewer_images_than_the_batch_that_is_dropped(
    tmp_path: Path, count: int, spoilt_files: bool, parts: int | None, back: bool
) -> None:
    """All other steps are there, and what is left out is told of the protocol that it belongs to."""
    a, b = pictures(tmp_path / "a", count), pictures(tmp_path / "b", 70, first=200)
    if spoilt_files:  # so many that fewer than a batch are left
        for file in sorted(a.iterdir())[:4]:
            file.write_bytes(b"no picture")
    squash = replace(PROTOCOLS["dalle-squash"], n_generated=parts)
    plain = replace(PROTOCOLS["imagen-full"], n_generated=None)
    start, end = (squash, plain) if back else (plain, squash)
    measure = Measure(projection(), start, tmp_path / "cache", workers=1)
    found = why_differs(list_images(a), list_images(b), measure, end)
    names = [step.name for step in found.steps]
    assert names == ["crop", "filter", "size"] + ["generated images"] * (parts is not None)
    left = 62 if spoilt_files else parts or count
    assert len(found.notes) == 1
    assert (
        found.notes[0].startswith("dalle-squash drops the last part batch of 64 images")
        and f" {left} " in found.notes[0]
    )
    assert found.start["drop_last"] is None and found.end["drop_last"] is None
    assert found.distances[-1].value - found.distances[0].value == found.gap != 0


def test_what_a_step_drops_is_told_of_its_own_protocol(tmp_path: Path) -> None:
    a, b = pictures(tmp_path / "a", 70), pictures(tmp_path / "b", 66, first=200)
    start = replace(PROTOCOLS["imagen-full"], n_generated=None)
    end = replace(PROTOCOLS["dalle-squash"], n_generated=None)
    found = why_differs(list_images(a), list_images(b), Measure(projection(), start, workers=1), end)
    assert found.notes == () and found.distances[-1].counts == (64, 64)
    told = {skip["why"] for result in found.distances for skip in result.skipped}
    assert told == {"in the last part batch of 64 images, which dalle-squash drops"}


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
