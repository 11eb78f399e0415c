"""Moments: merged in any way the same, written and read the same, damage told."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.moments import (
    Moments,
    MomentsBuilder,
    distance,
    load_moments,
    merge,
    moments_of,
    save_moments,
    without,
)
from evaluation.metrics.frechet import frechet_distance

Array = NDArray[np.float64]


def _rows(n: int, d: int = 7, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(size=(n, d)) * np.logspace(0, -2, d) + 5.0)


def _close(a: Moments, b: Moments, within: float = 1e-12) -> bool:
    scale = float(np.abs(b.scatter).max())
    return (
        a.count == b.count
        and bool(np.allclose(a.mean, b.mean, rtol=within, atol=0))
        and float(np.abs(a.scatter - b.scatter).max()) <= within * scale
    )


def test_against_numpy() -> None:
    rows = _rows(1500)
    moments = moments_of(rows)
    assert moments.count == 1500
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments.covariance(), np.cov(rows.T), rtol=1e-12, atol=1e-15)


def test_float32_features_are_counted_in_float64() -> None:
    """A mean in float32 would be off by 1e-4 here."""
    rows = (_rows(20_000, 3) + 1000).astype(np.float32)
    np.testing.assert_allclose(moments_of(rows).mean, rows.astype(np.float64).mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments_of(rows).covariance(), np.cov(rows.astype(np.float64).T), rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 1300), st.lists(st.integers(0, 1300), max_size=6))
def test_shards_merge_to_the_whole(count: int, cuts: list[int]) -> None:
    rows = _rows(count, seed=count)
    edges = [0, *sorted(min(cut, count) for cut in cuts), count]
    parts = [moments_of(rows[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
    whole = moments_of(rows)
    assert _close(merge(parts), whole)
    assert _close(merge(parts[::-1]), whole)
    if count > parts[0].count + 1:
        assert _close(without(whole, parts[0]), moments_of(rows[parts[0].count :]), 1e-10)


def test_distance_of_merged_shards_to_twelve_digits() -> None:
    x, y = _rows(4000, 64, seed=1), _rows(4000, 64, seed=2) * 1.1
    whole = distance(moments_of(x), moments_of(y))
    sharded = distance(
        merge(moments_of(x[i::4]) for i in range(4)), merge(moments_of(part) for part in np.array_split(y, 3))
    )
    assert sharded == pytest.approx(whole, rel=1e-12)


def test_batches_of_any_size_and_peeking_change_nothing() -> None:
    rows = _rows(1100)
    builder = MomentsBuilder(7)
    for start in range(0, 1100, 37):
        builder.add(rows[start : start + 37])
    assert _close(builder.moments(), moments_of(rows))
    peeked = MomentsBuilder(7)
    peeked.add(rows[:10])
    peeked.moments()
    peeked.add(rows[10:])
    assert _close(peeked.moments(), moments_of(rows))


def test_written_and_read_to_the_bit(tmp_path: Path) -> None:
    groups = [moments_of(_rows(n, seed=n)) for n in (2, 30, 700)]
    path = tmp_path / "deep" / "statistics.npz"
    save_moments(groups, path, {"skipped": ["é.png"]})
    read, record = load_moments(path)
    assert record == {"skipped": ["é.png"]}
    for a, b in zip(read, groups, strict=True):
        assert a.count == b.count
        np.testing.assert_array_equal(a.mean, b.mean)
        np.testing.assert_array_equal(a.scatter, b.scatter)
    assert [file.name for file in path.parent.iterdir()] == ["statistics.npz"]


def test_damaged_files_are_told(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    save_moments([moments_of(_rows(9))], buffer)
    whole = buffer.getvalue()
    for data in (b"", b"PK\x03\x04", whole[: len(whole) // 2], whole[:200] + b"\xff" * 40 + whole[240:], b"\x93NUMPY"):
        path = tmp_path / "statistics.npz"
        path.write_bytes(data)
        with pytest.raises(MetricError, match="holds no statistics that can be read"):
            load_moments(path)


def test_no_pickle_is_read(tmp_path: Path) -> None:
    path = tmp_path / "statistics.npz"
    np.savez(path, format=np.array([{"a": 1}], dtype=object))
    with pytest.raises(MetricError, match="pickle"):
        load_moments(path)


def test_errors() -> None:
    builder = MomentsBuilder(3)
    with pytest.raises(MetricError, match=r"shape \(n, 3\)"):
        builder.add(np.zeros((4, 2)))
    with pytest.raises(MetricError, match="not finite"):
        builder.add([[1.0, np.nan, 0.0]])
    with pytest.raises(MetricError, match="two samples"):
        moments_of([[1.0, 2.0]]).covariance()
    with pytest.raises(MetricError, match="nothing|no statistics"):
        merge([])
    with pytest.raises(MetricError, match="different extractors"):
        merge([moments_of(_rows(3, 2)), moments_of(_rows(3, 4))])
    with pytest.raises(MetricError, match="can't be taken"):
        without(moments_of(_rows(3)), moments_of(_rows(4)))


def test_same_as_from_numpy_covariances() -> None:
    x, y = _rows(50), _rows(60, seed=9)
    assert distance(moments_of(x), moments_of(y)) == pytest.approx(
        frechet_distance(x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T)), rel=1e-11
    )
