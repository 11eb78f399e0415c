"""A folder to statistics: right, in constant memory, cached by content alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.metrics.errors import MetricError
from evaluation.metrics.features import parts, pipeline, shards
from evaluation.metrics.features.extractor import Extractor
from evaluation.metrics.features.images import Decoded, decode_images, list_images
from evaluation.metrics.features.moments import distance, merge
from evaluation.metrics.features.pipeline import Division, FolderStatistics, folder_statistics, jackknife_groups
from evaluation.metrics.features.protocols import PROTOCOLS, Protocol
from evaluation.metrics.features.stored import read_features
from evaluation.metrics.frechet import frechet_distance_of_features
from tests.metrics.pictures import picture, pictures, spoilt
from tests.metrics.projection import Projection, projection

DEFAULT = PROTOCOLS["imagen-full"]


@pytest.fixture
def extractor() -> Extractor:
    return projection()


def _seen(extractor: Extractor) -> int:
    assert isinstance(extractor.module, Projection)
    return extractor.module.seen


def _by_hand(
    folder: Path, extractor: Extractor, protocol: Protocol = DEFAULT
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    decoded = decode_images(list_images(folder), protocol.recipe, 64, workers=1)
    return np.concatenate(
        [extractor.features_of([image.pixels], protocol) for image in decoded if isinstance(image, Decoded)]
    )


def _same(a: FolderStatistics, b: FolderStatistics) -> bool:
    return (
        (a.skipped, a.converted, a.images_sha256) == (b.skipped, b.converted, b.images_sha256)
        and len(a.groups) == len(b.groups)
        and all(
            x.count == y.count and np.array_equal(x.mean, y.mean) and np.array_equal(x.scatter, y.scatter)
            for x, y in zip(a.groups, b.groups, strict=True)
        )
    )


@pytest.mark.parametrize("name", list(PROTOCOLS))
def test_value_is_that_of_the_features(tmp_path: Path, extractor: Extractor, name: str) -> None:
    a, b = pictures(tmp_path / "a", 70), pictures(tmp_path / "b", 66, first=200)
    protocol = PROTOCOLS[name]
    kept = slice(0, 64) if protocol.drop_last else slice(None)
    expected = frechet_distance_of_features(
        _by_hand(a, extractor, protocol)[kept], _by_hand(b, extractor, protocol)[kept]
    )
    found = [folder_statistics(folder, extractor, protocol, Division(groups=3)) for folder in (a, b)]
    assert distance(found[0].total(), found[1].total()) == pytest.approx(expected, rel=1e-6)
    if protocol.drop_last:
        assert [made.total().count for made in found] == [64, 64]
        assert [skip.file for skip in found[1].skipped] == ["264.png", "265.png"]
        assert "last part batch of 64" in found[1].skipped[0].why


def test_deterministic_whatever_the_workers(tmp_path: Path, extractor: Extractor) -> None:
    folder = pictures(tmp_path / "a", 40)
    spoilt(folder)
    one = folder_statistics(folder, extractor, DEFAULT, Division(groups=4), workers=1)
    assert _same(one, folder_statistics(folder, extractor, DEFAULT, Division(groups=4), workers=3))


def test_shards_on_different_machines_merge_to_the_whole(tmp_path: Path, extractor: Extractor) -> None:
    whole = pictures(tmp_path / "whole", 40)
    folders = [pictures(tmp_path / f"shard{i}", 10, first=10 * i) for i in range(4)]
    merged = merge(folder_statistics(folder, extractor, DEFAULT).total() for folder in folders)
    total = folder_statistics(whole, extractor, DEFAULT).total()
    other = folder_statistics(pictures(tmp_path / "other", 40, first=300), extractor, DEFAULT).total()
    # The features agree to float32's rounding (batches differ), the merging to float64's.
    assert distance(merged, other) == pytest.approx(distance(total, other), rel=1e-6)
    np.testing.assert_allclose(merged.scatter, total.scatter, rtol=1e-5, atol=1e-7 * total.scatter.max())


def test_cache_is_addressed_by_content(tmp_path: Path, extractor: Extractor) -> None:
    folder, cache = pictures(tmp_path / "a", 12), tmp_path / "cache"
    spoilt(folder)

    def again(groups: int = 2, protocol: Protocol = DEFAULT, using: Extractor = extractor) -> FolderStatistics:
        return folder_statistics(folder, using, protocol, Division(groups=groups), cache=cache)

    first = again()
    seen = _seen(extractor)
    assert seen == 12
    assert _same(again(), first)
    assert _seen(extractor) == seen  # nothing was computed
    assert len(list(cache.glob("*.np?"))) == 1
    # Everything that matters makes it new: groups, protocol, weights, a file's content, its name.
    again(groups=3)
    again(protocol=PROTOCOLS["ldm-30k"])
    again(using=replace(extractor, info=replace(extractor.info, sha256="1" * 64)))
    assert _seen(extractor) == seen + 36
    picture(777).save(folder / "003.png")
    changed = again()
    assert _seen(extractor) == seen + 48
    assert changed.images_sha256 != first.images_sha256
    assert not np.array_equal(changed.total().mean, first.total().mean)
    (folder / "003.png").rename(folder / "renamed.png")
    again()
    assert _seen(extractor) == seen + 60


def test_a_damaged_cache_is_made_anew(tmp_path: Path, extractor: Extractor) -> None:
    folder, cache = pictures(tmp_path / "a", 5), tmp_path / "cache"
    first = folder_statistics(folder, extractor, DEFAULT, cache=cache)
    (stored,) = cache.glob("*.npz")
    stored.write_bytes(stored.read_bytes()[:300])
    assert _same(folder_statistics(folder, extractor, DEFAULT, cache=cache), first)
    assert stored.stat().st_size > 300


def test_a_folder_that_changes_while_it_is_read_is_told_and_not_cached(
    tmp_path: Path, extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = pictures(tmp_path / "a", 5), tmp_path / "cache"
    real = shards.score_part

    def score(*arguments: object, **named: object) -> object:
        picture(888).save(folder / "002.png")
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(shards, "score_part", score)
    with pytest.raises(MetricError, match=r"002\.png is not what it was"):
        folder_statistics(folder, extractor, DEFAULT, cache=cache)
    assert not list(cache.glob("*.npz"))


def test_features_are_kept_in_order(tmp_path: Path, extractor: Extractor) -> None:
    folder = pictures(tmp_path / "a", 70)
    spoilt(folder)
    for protocol, rows in ((DEFAULT, 70), (PROTOCOLS["dalle-squash"], 64)):
        made = folder_statistics(
            folder, extractor, protocol, Division(groups=3), cache=tmp_path / "cache", keep_features=True
        )
        again = folder_statistics(
            folder, extractor, protocol, Division(groups=3), cache=tmp_path / "cache", keep_features=True
        )
        assert made.features is not None
        assert _same(made, again)
        assert list(again.scored) == list(made.scored)
        found = read_features(made.features)
        assert found.shape == (rows, 6) == (len(made.scored), 6)
        np.testing.assert_allclose(found, _by_hand(folder, extractor, protocol)[:rows], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found.mean(axis=0, dtype=np.float64), made.total().mean, rtol=1e-6)


def test_an_interrupted_run_goes_on_where_it_was(
    tmp_path: Path, extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "SHARD", 32)
    folder, cache = pictures(tmp_path / "a", 100), tmp_path / "cache"

    def stop(done: int, total: int) -> None:
        if done == 70:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder_statistics(folder, extractor, DEFAULT, Division(groups=2), cache=cache, progress=stop)
    seen = _seen(extractor)
    made = folder_statistics(folder, extractor, DEFAULT, Division(groups=2), cache=cache)
    assert _seen(extractor) - seen == 100 - 64  # two shards were there
    assert _same(made, folder_statistics(folder, extractor, DEFAULT, Division(groups=2), cache=cache))
    assert not list((cache / "unfinished").iterdir())
    whole = folder_statistics(folder, extractor, DEFAULT, Division(groups=2))
    np.testing.assert_allclose(made.total().scatter, whole.total().scatter, rtol=1e-12)


def test_memory_does_not_grow_with_the_images(tmp_path: Path, extractor: Extractor) -> None:
    """No more than a batch and what is decoded ahead is alive at once."""
    import gc

    folder = pictures(tmp_path / "a", 150)
    alive = []

    def count(done: int, total: int) -> None:
        if done % 25 == 0:
            alive.append(sum(type(thing) is Decoded for thing in gc.get_objects()))

    folder_statistics(folder, extractor, DEFAULT, workers=2, progress=count)
    assert max(alive) <= parts.BATCH + 2 * 4 + 2 + 2


def test_progress_reaches_the_end(tmp_path: Path, extractor: Extractor) -> None:
    told: list[tuple[int, int]] = []
    folder_statistics(
        pictures(tmp_path / "a", 5), extractor, DEFAULT, progress=lambda done, all: told.append((done, all))
    )
    assert told == [(i, 5) for i in range(1, 6)]


def test_groups_keep_prompts_whole_and_ignore_order() -> None:
    files = [f"{prompt:05d}/{sample}.png" for prompt in range(60) for sample in range(8)]
    groups = jackknife_groups(files, 10)
    assert len({(file[:5], group) for file, group in zip(files, groups, strict=True)}) == 60
    assert np.bincount(groups).tolist() == [48] * 10
    assert jackknife_groups(files[::-1], 10) == groups[::-1]
    flat = jackknife_groups([f"{i}.png" for i in range(100)], 10)
    assert np.bincount(flat).tolist() == [10] * 10
    classes = jackknife_groups([f"{i % 3}/{i}.png" for i in range(100)], 10)  # few folders: classes, not prompts
    assert np.bincount(classes).tolist() == [10] * 10
