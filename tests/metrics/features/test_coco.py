"""COCO's files: read, told apart, checked; the draw is a rule that can be repeated."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.coco import (
    DRAW_RULE,
    check_folder,
    draw,
    draw_list,
    read_annotations,
    read_people,
    rows_of,
    without_people,
)
from tests.metrics.coco_small import CAPTIONS, PEOPLE, small_coco


def test_one_caption_an_image_is_the_lowest_id(tmp_path: Path) -> None:
    captions, _, _ = small_coco(tmp_path, 10)
    read = read_annotations(captions)
    one, _ = rows_of(read, "one")
    assert [row.text for row in one] == [CAPTIONS[i % 5] for i in range(10)]
    assert [row.attributes["image_id"] for row in one] == [1000 + 7 * i for i in range(10)]
    all_of_them, _ = rows_of(read, "all")
    assert len(all_of_them) == 30
    assert read.sha256 == hashlib.sha256(captions.read_bytes()).hexdigest()


def test_people_by_words_or_by_instances(tmp_path: Path) -> None:
    captions, instances, _ = small_coco(tmp_path, 20)
    rows, _ = rows_of(read_annotations(captions), "one")
    by_words = without_people(rows, None)
    assert [i for i, row in enumerate(rows) if row not in by_words] == [i for i in range(20) if i % 5 in PEOPLE]
    people, sha256 = read_people(instances)
    assert people == {1000 + 7 * i for i in range(0, 20, 4)}
    assert len(without_people(rows, people)) == 15
    assert sha256 == hashlib.sha256(instances.read_bytes()).hexdigest()


def test_the_draw_is_its_rule(tmp_path: Path) -> None:
    """Computed here from the words of the rule alone."""
    rows, _ = rows_of(read_annotations(small_coco(tmp_path, 40)[0]), "one")

    def place(number: object) -> str:
        return hashlib.sha256(f"{DRAW_RULE} {number}".encode()).hexdigest()

    ids = [row.attributes["image_id"] for row in rows]
    expected = sorted(sorted(ids, key=place)[:12], key=ids.index)
    drawn = draw(rows, 12, "one")
    assert [row.attributes["image_id"] for row in drawn] == expected
    assert draw(rows, 13, "one") != drawn
    assert set(draw_list(drawn).splitlines()) < set(draw_list(draw(rows, 13, "one")).splitlines())
    assert draw(rows[::-1], 12, "one") == drawn[::-1]
    assert draw(rows, 99, "one") == rows
    assert draw_list(drawn).splitlines()[0].split(b"\t")[0] == str(expected[0]).encode()


def test_the_folder_is_checked(tmp_path: Path) -> None:
    captions, _, place = small_coco(tmp_path, 8)
    read = read_annotations(captions)
    files = sorted(read.ids)
    (place / files[2]).unlink()
    Image.new("RGB", (256, 256)).save(place / files[3])
    (place / files[4]).write_bytes(b"damaged")
    checked = check_folder(read, place, files)
    assert checked.missing == (files[2],)
    assert checked.resized == ((files[3], "256 x 256, annotated 63 x 48"),)
    assert len(checked.present) == 7  # the damaged one is named when it is decoded
    with pytest.raises(MetricError, match="There is no folder"):
        check_folder(read, tmp_path / "no", files)
    other = tmp_path / "train2014"
    other.mkdir()
    Image.new("RGB", (8, 8)).save(other / "COCO_train2014_000000000009.jpg")
    with pytest.raises(MetricError, match=r"none of the 8 images.*COCO_train2014"):
        check_folder(read, other, files)


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        ([{"id": 1, "image_id": 1, "category_id": 3}], "holds instances"),
        ([{"id": 1, "image_id": 1, "keypoints": [], "category_id": 1}], "key points of persons"),
        ([{"image_id": 1, "segments_info": []}], "panoptic"),
        (None, "images without annotations"),
        ([{"id": 1}], "not a COCO annotation file"),
        ({"id": 1}, "not a COCO annotation file"),
    ],
)
def test_other_files_are_told_apart(tmp_path: Path, annotations: object, told: str) -> None:
    path = tmp_path / "file.json"
    value = {"images": [{"id": 1, "file_name": "a.jpg"}]}
    path.write_text(json.dumps(value if annotations is None else {**value, "annotations": annotations}))
    with pytest.raises(MetricError, match=told):
        read_annotations(path)


def test_bad_files(tmp_path: Path) -> None:
    captions, instances, _ = small_coco(tmp_path, 3)
    with pytest.raises(MetricError, match=r"holds captions.*takes instances"):
        read_people(captions)
    value = json.loads(instances.read_text())
    instances.write_text(json.dumps({**value, "categories": [{"id": 3, "name": "car"}]}))
    with pytest.raises(MetricError, match="no category person"):
        read_people(instances)
    with pytest.raises(MetricError, match="There is no file"):
        read_annotations(tmp_path / "no.json")
    captions.write_text(captions.read_text()[:-30])
    with pytest.raises(MetricError, match="not JSON"):
        read_annotations(captions)
    for image, told in (
        ({"id": 1, "file_name": "../a.jpg"}, "a path"),
        ({"id": "1", "file_name": "a.jpg"}, "without id"),
        ({"id": 1}, "without id or file name"),
    ):
        captions.write_text(json.dumps({"images": [image], "annotations": [{"id": 1, "image_id": 1, "caption": "a"}]}))
        with pytest.raises(MetricError, match=told):
            read_annotations(captions)
