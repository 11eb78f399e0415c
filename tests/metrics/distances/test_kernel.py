"""KID and neighbours over rows on disk: block by block, the same numbers, and the golden cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.metrics.distances import kernel
from evaluation.metrics.distances.kernel import kernel_distance
from evaluation.metrics.distances.neighbours import precision_recall
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.stored import FeatureWriter, join_features, read_features


def _waves(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    i, j = np.arange(n)[:, None], np.arange(d)
    return np.sin((i + 1) * (j + 1)), np.cos((i + 1) * (j + 2)) + j / 10


@pytest.mark.parametrize(("n", "m", "d", "expected"), [(12, 10, 4, -0.30655636), (5, 6, 8, -0.05611757)])
def test_golden_cases(n: int, m: int, d: int, expected: float) -> None:
    x, y = _waves(n, d)[0], _waves(m, d)[1]
    assert kernel_distance(x, y).value == pytest.approx(expected, abs=5e-9)


def test_as_torch_fidelity() -> None:
    """On one subset that is the whole sample, theirs is the same U-statistic."""
    from torch_fidelity.metric_kid import mmd2

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 7)), rng.normal(size=(60, 7)) + 0.3
    kernels = [(a @ b.T / 7 + 1) ** 3 for a, b in ((x, x), (x, y), (y, y))]
    assert kernel_distance(x, y).value == pytest.approx(float(mmd2(*kernels)), rel=1e-9)


def test_rows_on_disk_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(50, 6)).astype(np.float32), rng.normal(size=(41, 6)).astype(np.float32) + 0.2
    expected, shares = kernel_distance(x, y), precision_recall(x, y)
    with FeatureWriter(tmp_path / "x.npy", 6) as writer:
        for start in range(0, 50, 7):
            writer.add(x[start : start + 7])
    mapped = read_features(tmp_path / "x.npy")
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(mapped, x)
    monkeypatch.setattr(kernel, "_ROWS", 8)
    found = kernel_distance(mapped, y)
    assert found.value == pytest.approx(expected.value, rel=1e-10)
    assert found.se == pytest.approx(expected.se, rel=1e-10)
    assert precision_recall(mapped, y) == shares
    join_features([tmp_path / "x.npy", tmp_path / "x.npy"], tmp_path / "both.npy", features=6, rows=73)
    assert np.array_equal(read_features(tmp_path / "both.npy"), np.concatenate([x, x])[:73])


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), FeatureWriter(tmp_path / "x.npy", 2) as writer:
        writer.add(np.zeros((3, 2), dtype=np.float32))
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
    (tmp_path / "bad.npy").write_bytes(b"no")
    with pytest.raises(MetricError, match="no features that can be read"):
        read_features(tmp_path / "bad.npy")
    np.save(tmp_path / "other.npy", np.zeros(3))
    with pytest.raises(MetricError, match="float64 of the shape"):
        read_features(tmp_path / "other.npy")
