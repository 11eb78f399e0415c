"""References by name: stored once, told by their hashes; a changed one is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from common.hashes import files_hash
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.extractor import Extractor
from evaluation.metrics.features.images import file_hashes, list_images
from evaluation.metrics.features.pipeline import folder_statistics
from evaluation.metrics.features.protocols import PROTOCOLS
from evaluation.metrics.features.references import (
    PART_RULE,
    Reference,
    images_of,
    load_reference,
    part_of,
    reference_names,
    save_reference,
)
from evaluation.metrics.spec import ScoredImage
from tests.metrics.pictures import picture, pictures
from tests.metrics.projection import Projection, projection


@pytest.fixture
def extractor() -> Extractor:
    return projection()


def _saved(root: Path, folder: Path, name: str = "small", *, replace: bool = False) -> tuple[Reference, bool]:
    return save_reference(
        root,
        name,
        folder=folder,
        hashes=file_hashes(list_images(folder)),
        manifest={"source": "a test"},
        lists={"draw.tsv": b"1\t2\n"},
        replace=replace,
    )


def test_stored_once(tmp_path: Path) -> None:
    root, folder = tmp_path / "references", pictures(tmp_path / "a", 6)
    reference, is_new = _saved(root, folder)
    assert is_new
    assert not _saved(root, folder)[1]
    assert reference_names(root) == ["small"]
    found = load_reference(root, "small")
    assert found == reference
    assert found.manifest["images"] == {"count": 6, "sha256": files_hash(found.hashes)}
    assert found.manifest["lists"]["draw.tsv"] == hashlib.sha256(b"1\t2\n").hexdigest()
    moved = folder.rename(tmp_path / "moved")
    again, is_new = _saved(root, moved)
    assert (is_new, again.folder, again.manifest["sha256"]) == (False, moved, reference.manifest["sha256"])
    picture(50).save(moved / "000.png")
    with pytest.raises(MetricError, match="another reference small: of 6 images"):
        _saved(root, moved)
    assert _saved(root, moved, replace=True)[1]


def test_statistics_outlive_the_images_and_changed_ones_are_refused(tmp_path: Path, extractor: Extractor) -> None:
    folder = pictures(tmp_path / "a", 9)
    reference, _ = _saved(tmp_path / "references", folder)
    default, cache = PROTOCOLS["imagen-full"], tmp_path / "cache"
    made = folder_statistics(reference.listing(), extractor, default, cache=cache)
    assert made.total().count == 9
    picture(50).save(folder / "000.png")
    again = folder_statistics(reference.listing(), extractor, default, cache=cache)
    assert again.images_sha256 == made.images_sha256  # of the images that it was made from
    assert isinstance(extractor.module, Projection)
    assert extractor.module.seen == 9
    with pytest.raises(MetricError, match=r"000\.png is not what it was"):
        folder_statistics(reference.listing(), extractor, PROTOCOLS["ldm-30k"], cache=cache)
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(MetricError, match="8 more files"):
        folder_statistics(reference.listing(), extractor, PROTOCOLS["ldm-30k"], cache=cache)


def test_a_part_is_its_rule() -> None:
    files = [f"{i}.png" for i in range(30)]
    expected = sorted(files, key=lambda file: hashlib.sha256(f"{PART_RULE} {file}".encode()).hexdigest())[:7]
    assert part_of(files, 7) == expected == part_of(files[::-1], 7)
    assert part_of(files, None) == part_of(files, 30) == files


def test_sources_of_images(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "a", 3)
    reference, _ = _saved(tmp_path / "references", folder)
    assert images_of(reference.place, "reference").files == images_of(folder, "folder").files
    run = images_of(
        [ScoredImage("00001/0", folder / "000.png", "a"), ScoredImage("00000/0", folder / "001.png", "b")], "run"
    )
    assert run.files == ("00000/0", "00001/0")
    assert run.place("00001/0") == folder / "000.png"


def test_bad_input(tmp_path: Path) -> None:
    root, folder = tmp_path / "references", pictures(tmp_path / "a", 3)
    with pytest.raises(MetricError, match="None is stored here"):
        load_reference(root, "coco")
    with pytest.raises(MetricError, match="can't be called"):
        _saved(root, folder, "../up")
    with pytest.raises(MetricError, match="needs images"):
        save_reference(root, "none", folder=folder, hashes={}, manifest={})
    _saved(root, folder, "coco-val2014")
    with pytest.raises(MetricError, match='; did you mean "coco-val2014"'):
        load_reference(root, "coco-val2015")
    listed = root / "coco-val2014" / "images.tsv"
    listed.write_bytes(listed.read_bytes().replace(b"000.png", b"999.png"))
    with pytest.raises(MetricError, match="was changed since"):
        load_reference(root, "coco-val2014")
    listed.unlink()
    with pytest.raises(MetricError, match="can't be read"):
        load_reference(root, "coco-val2014")
