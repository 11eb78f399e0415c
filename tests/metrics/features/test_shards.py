"""Shards: whatever the division, the same result; what is missing, changed or foreign is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluation.metrics.errors import MetricError
from evaluation.metrics.features import extractors
from evaluation.metrics.features.extractor import Extractor
from evaluation.metrics.features.extractors import load_extractor
from evaluation.metrics.features.images import list_images, listing_of
from evaluation.metrics.features.jackknife import GROUPS, deal
from evaluation.metrics.features.moments import distance, merge
from evaluation.metrics.features.parts import Part
from evaluation.metrics.features.pipeline import Division, folder_statistics
from evaluation.metrics.features.protocols import PROTOCOLS, Protocol
from evaluation.metrics.features.shard_plan import plan_shards, read_plan
from evaluation.metrics.features.shards import main, merge_shards, merged_features, score_shard
from evaluation.metrics.features.stored import read_features
from tests.metrics.pictures import picture, pictures, spoilt
from tests.metrics.projection import projection

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = PROTOCOLS["imagen-full"]
BATCH = 8


@pytest.fixture
def extractor(monkeypatch: pytest.MonkeyPatch) -> Extractor:
    made = projection()
    monkeypatch.setattr(extractors, "EXTRACTORS", {made.info.name: made.info})
    return made


def _scored(folder: Path, work: Path, extractor: Extractor, shards: int, protocol: Protocol = DEFAULT) -> Part:
    plan = plan_shards(
        list_images(folder),
        work,
        extractor=extractor.info.name,
        protocol=protocol,
        shards=shards,
        groups=3,
        batch=BATCH,
    )
    for shard in reversed(range(plan.shards)):  # any order will do
        score_shard(work, shard, extractor=extractor, workers=1)
    return merge_shards(work)


@pytest.mark.parametrize("name", ["imagen-full", "dalle-squash"])
def test_the_division_does_not_matter(tmp_path: Path, extractor: Extractor, name: str) -> None:
    """1e-12 relative in every moment and in the distance; features to the last bit; the same files left out."""
    folder = pictures(tmp_path / "a", 67)
    reasons = spoilt(folder)
    protocol = PROTOCOLS[name]
    other = folder_statistics(pictures(tmp_path / "b", 40, first=500), extractor, DEFAULT).total()
    whole = _scored(folder, tmp_path / "1", extractor, 1, protocol)
    rows = read_features(merged_features(tmp_path / "1"))
    expected = distance(merge(whole.groups), other)
    assert len(rows) == sum(group.count for group in whole.groups) == (67 if name == "imagen-full" else 64)
    for shards in (2, 3, 7):
        found = _scored(folder, tmp_path / str(shards), extractor, shards, protocol)
        assert np.array_equal(rows, read_features(merged_features(tmp_path / str(shards))))
        assert (found.skipped, found.converted, found.seen) == (whole.skipped, whole.converted, whole.seen)
        assert {skip.file for skip in found.skipped} >= set(reasons)
        for mine, theirs in zip(found.groups, whole.groups, strict=True):
            assert mine.count == theirs.count
            np.testing.assert_allclose(mine.mean, theirs.mean, rtol=1e-12)
            np.testing.assert_allclose(mine.scatter, theirs.scatter, rtol=1e-12, atol=1e-12 * theirs.scatter.max())
        assert distance(merge(found.groups), other) == pytest.approx(expected, rel=1e-12)


def test_shards_keep_groups_and_whole_batches(tmp_path: Path, extractor: Extractor) -> None:
    places = {f"{prompt:05d}/{n}": tmp_path / f"{prompt}-{n}.png" for prompt in range(30) for n in range(3)}
    listing = listing_of(places, folder=tmp_path)
    plan = plan_shards(
        listing, tmp_path / "work", extractor="projection", protocol=DEFAULT, shards=4, groups=3, batch=BATCH
    )
    assert all(a % BATCH == 0 for a, _ in plan.bounds)
    assert plan.bounds[-1][1] == 90
    assert all(b == c for (_, b), (c, _) in zip(plan.bounds, plan.bounds[1:], strict=False))
    assert list(plan.group_of) == deal([name[:5] for name in listing.files], 3)  # prompts stay whole
    again = read_plan(tmp_path / "work")
    assert (again.key, again.bounds, again.group_of) == (plan.key, plan.bounds, plan.group_of)
    assert again.listing.place("00003/1") == tmp_path / "3-1.png"
    assert again.protocol == DEFAULT


def test_a_shard_that_is_there_is_not_scored_again(tmp_path: Path, extractor: Extractor) -> None:
    folder, work = pictures(tmp_path / "a", 20), tmp_path / "work"
    _scored(folder, work, extractor, 2)
    before = [path.stat().st_mtime_ns for path in sorted(work.glob("shard-*"))]
    _scored(folder, work, extractor, 2)
    assert [path.stat().st_mtime_ns for path in sorted(work.glob("shard-*"))] == before
    next(work.glob("shard-0001*.npz")).write_bytes(b"PK damaged")
    assert len(_scored(folder, work, extractor, 2).seen) == 20


def test_what_is_wrong_is_told(tmp_path: Path, extractor: Extractor) -> None:
    folder, work = pictures(tmp_path / "a", 20), tmp_path / "work"
    with pytest.raises(MetricError, match="There is no plan of shards"):
        score_shard(work, 0, extractor=extractor)
    with pytest.raises(MetricError, match="one or more"):
        plan_shards(list_images(folder), work, extractor="projection", protocol=DEFAULT, shards=0, groups=2)

    def plan(protocol: Protocol = DEFAULT) -> None:
        plan_shards(list_images(folder), work, extractor="projection", protocol=protocol, shards=3, groups=2, batch=8)

    plan()
    plan()  # the same again is no conflict
    with pytest.raises(MetricError, match="shards of something else"):
        plan(PROTOCOLS["ldm-30k"])
    with pytest.raises(MetricError, match="they are 0 to 2"):
        score_shard(work, 3, extractor=extractor)
    score_shard(work, 1, extractor=extractor)
    with pytest.raises(MetricError, match="have not been scored: 0, 2"):
        merge_shards(work)
    picture(777).save(folder / "002.png")
    with pytest.raises(MetricError, match=r"002\.png is not what it was"):
        score_shard(work, 0, extractor=extractor)
    assert not list(work.glob("shard-0000*"))


@pytest.mark.longest
@pytest.mark.slow
def test_torchrun_with_two_processes(tmp_path: Path) -> None:
    """As a user would: two processes, the same answer as one."""
    folder, work = pictures(tmp_path / "a", 70), tmp_path / "work"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "evaluation.metrics.features.shards", str(folder), "--work", str(work)]
    options = ["--extractor", "efficientnet-lite0", "--device", "cpu"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["shards"], told["images"], told["skipped"]) == (2, 70, [])
    found = merge_shards(work)
    whole = folder_statistics(
        folder, load_extractor("efficientnet-lite0", device="cpu"), DEFAULT, Division(groups=GROUPS), workers=1
    )
    np.testing.assert_allclose(merge(found.groups).scatter, whole.total().scatter, rtol=1e-9, atol=1e-9)


def test_bad_input_of_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for images, options, told in (
        (tmp_path / "no", [], "There is no folder"),
        (pictures(tmp_path / "a", 3), ["--extractor", "inceptio"], '; did you mean "inception"'),
        (tmp_path / "a", ["--protocol", "ldm"], "There is no protocol 'ldm'"),
    ):
        extractor = [] if "--extractor" in options else ["--extractor", "efficientnet-lite0"]
        command = [str(images), "--work", str(tmp_path / "work"), *extractor, *options]
        assert main(command) == 2
        assert told in capsys.readouterr().err
