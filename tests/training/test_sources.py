"""Training sets of images: what is in a batch depends on its number alone, and what is broken is named."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from generators.cascade.configs import ConfigError
from generators.training.config import TrainConfig
from generators.training.data import Data, load_data
from generators.training.data_config import data_config
from generators.training.sources import webdataset
from generators.training.sources.pictures import PictureData, TooSmall, Unusable, fitted

COLOURS = ("red", "green", "blue", "white")


def picture(colour: str, size: tuple[int, int] = (80, 96), form: str = "PNG") -> bytes:
    held = io.BytesIO()
    Image.new("RGB", size, colour).save(held, form)
    return held.getvalue()


def a_folder(path: Path, count: int = 24) -> Path:
    for number in range(count):
        below = path / f"part{number % 2}"
        below.mkdir(parents=True, exist_ok=True)
        (below / f"{number:03}.png").write_bytes(picture(COLOURS[number % 4]))
        (below / f"{number:03}.txt").write_text(f"{COLOURS[number % 4]} number {number}\n", encoding="utf-8")
    return path


def config(data: dict[str, object], cache: Path, **changes: object) -> TrainConfig:
    plain: dict[str, object] = {
        "cascade": "imagen-mini", "stage": "base", "batch": 8, "learning_rate": 1e-3, "crop": 64, "cache": str(cache),
    }  # fmt: skip
    return TrainConfig(data=data_config(data), **{**plain, **changes})  # type: ignore[arg-type]


Load = Callable[..., PictureData]


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def load(tmp_path: Path, lines: list[str]) -> Load:
    def loaded(data: dict[str, object], **changes: object) -> PictureData:
        found: Data = load_data(config(data, tmp_path / "cache", **changes), lines.append)
        assert isinstance(found, PictureData)
        return found

    return loaded


def test_a_folder_with_captions_beside_the_images(tmp_path: Path, load: Load, lines: list[str]) -> None:
    data = load({"kind": "folder", "path": str(a_folder(tmp_path / "images"))})
    assert any("24 images" in line for line in lines)
    batch = data.batch(0)
    assert batch.images.shape == (8, 3, 64, 64)
    assert batch.text.tokens.shape[0] == 8 and batch.text.tokens.shape[2] == 384
    assert batch.low_res is None
    for image, caption in zip(batch.images, batch.captions, strict=True):
        wanted = np.array(Image.new("RGB", (1, 1), caption.split()[0])).reshape(3) / 127.5 - 1
        np.testing.assert_allclose(image.mean((1, 2)).numpy(), wanted, atol=1e-6)
    # An epoch shows each item once.
    seen = [caption for step in range(3) for caption in data.batch(step).captions]
    assert len(set(seen)) == 24


def test_a_batch_depends_on_its_number_alone_and_is_shared_out_by_rows(tmp_path: Path, load: Load) -> None:
    held = a_folder(tmp_path / "images")
    (held / "part0" / "004.png").write_bytes(b"no image")
    first = load({"kind": "folder", "path": str(held), "max_broken": 0.2})
    second = load({"kind": "folder", "path": str(held), "max_broken": 0.2})
    whole = first.batch(5)
    second.batch(9)
    again = second.batch(5)
    assert whole.captions == again.captions
    assert torch.equal(whole.images, again.images)
    halves = [second.batch(5, rank, 2) for rank in range(2)]
    assert torch.equal(torch.cat([half.images for half in halves]), whole.images)
    assert tuple(caption for half in halves for caption in half.captions) == whole.captions


def test_the_other_seed_gives_another_order(tmp_path: Path, load: Load) -> None:
    held = a_folder(tmp_path / "images")
    one, other = (load({"kind": "folder", "path": str(held)}, seed=seed).batch(0).captions for seed in (0, 1))
    assert set(one) != set(other)


@pytest.mark.parametrize("table", ["metadata.jsonl", "metadata.csv"])
def test_a_table_of_captions_wins_over_files_beside_the_images(tmp_path: Path, load: Load, table: str) -> None:
    held = a_folder(tmp_path / "images", 4)
    rows = [(f"part{number % 2}/{number:03}.png", f"from the table, {number}") for number in range(3)]
    lines = [json.dumps({"file_name": name, "text": text}) for name, text in rows]
    if table.endswith(".csv"):
        lines = ["file_name,text", *(f'{name},"{text}"' for name, text in rows)]
    (held / table).write_text("\n".join(lines) + "\n", encoding="utf-8")
    captions = load({"kind": "folder", "path": str(held)}, batch=4).batch(0).captions
    assert sorted(captions) == ["from the table, 0", "from the table, 1", "from the table, 2", "white number 3"]


def test_broken_ones_are_named_counted_and_passed_over(tmp_path: Path, load: Load, lines: list[str]) -> None:
    held = a_folder(tmp_path / "images")
    (held / "part0" / "000.png").write_bytes(picture("red")[:40])
    (held / "part1" / "001.txt").unlink()
    (held / "part0" / "002.txt").write_bytes(b"\xff\xfe\x00")
    (held / "part1" / "003.txt").write_text("  \n")
    data = load({"kind": "folder", "path": str(held), "max_broken": 0.5})
    for step in range(3):
        assert len(data.batch(step).captions) == 8
    assert set(data.broken) == {"part0/000.png", "part1/001.png", "part0/002.png", "part1/003.png"}
    told = "\n".join(lines)
    for name, why in (
        ("part0/000.png", "damaged"),
        ("part1/001.png", "no caption"),
        ("part0/002.png", "not UTF-8"),
        ("part1/003.png", "empty"),
    ):
        assert f"passed over: {name}" in told and why in told


def test_more_broken_ones_than_allowed_end_it(tmp_path: Path, load: Load) -> None:
    held = a_folder(tmp_path / "images")
    for number in range(0, 24, 2):
        (held / "part0" / f"{number:03}.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    data = load({"kind": "folder", "path": str(held), "max_broken": 0.1})
    with pytest.raises(ConfigError, match=r"more than the share of 0\.1 that max_broken allows. The first: part0/"):
        for step in range(6):
            data.batch(step)


def test_super_resolution_is_not_taught_by_enlarged_pictures(tmp_path: Path, load: Load) -> None:
    held = a_folder(tmp_path / "images", 4)
    (held / "part0" / "000.png").write_bytes(picture("red", (300, 260)))
    data = load({"kind": "folder", "path": str(held)}, stage="sr256", crop=64, batch=2, max_aug=0.5)
    batch = data.batch(0)
    assert batch.captions == ("red number 0",) * 2
    assert batch.low_res is not None and batch.low_res.shape == (2, 3, 16, 16)
    (held / "part0" / "000.png").write_bytes(picture("red"))
    data = load({"kind": "folder", "path": str(held)}, stage="sr256", crop=64, batch=2, max_aug=0.5)
    with pytest.raises(ConfigError, match="smaller than the 256 pixels of stage sr256"):
        data.batch(0)


def test_a_picture_is_cropped_to_its_middle_square() -> None:
    wide = Image.new("RGB", (96, 32), "red")
    wide.paste("blue", (32, 0, 64, 32))
    held = io.BytesIO()
    wide.save(held, "PNG")
    assert (fitted(held.getvalue(), 32, enlarge=False) == (0, 0, 255)).all()
    assert fitted(held.getvalue(), 16, enlarge=False).shape == (16, 16, 3)
    with pytest.raises(TooSmall):
        fitted(held.getvalue(), 64, enlarge=False)
    with pytest.raises(Unusable, match="empty"):
        fitted(b"", 64, enlarge=True)


def annotations(path: Path, **changes: object) -> Path:
    held = {
        "images": [{"id": number, "file_name": f"part{number % 2}/{number:03}.png"} for number in range(6)],
        "annotations": [
            {"id": 10 * number + turn, "image_id": number, "caption": f"image {number}, caption {turn}"}
            for number in range(6)
            for turn in range(2)
        ],
    }
    path.write_text(json.dumps({**held, **changes}), encoding="utf-8")
    return path


def test_coco_shows_each_caption_once_an_epoch(tmp_path: Path, load: Load) -> None:
    held = a_folder(tmp_path / "images", 6)
    file = annotations(tmp_path / "captions.json")
    data = load({"kind": "coco", "path": str(held), "annotations": str(file)}, batch=4)
    captions = [caption for step in range(3) for caption in data.batch(step).captions]
    assert sorted(captions) == sorted(f"image {number}, caption {turn}" for number in range(6) for turn in range(2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": [{"id": 1, "image_id": 0, "bbox": [0, 0, 1, 1]}]}, "instances or key points"),
        ({"annotations": [{"id": 1, "image_id": 77, "caption": "x"}]}, "captions image 77"),
        ({"images": 5}, "no COCO annotation file"),
        ({"images": [{"id": 0, "file_name": "../x.png"}], "annotations": []}, "outside the folder"),
        ({"annotations": []}, "holds no caption"),
    ],
)
def test_a_wrong_coco_file_is_told(tmp_path: Path, load: Load, changes: dict[str, object], message: str) -> None:
    held = a_folder(tmp_path / "images", 2)
    file = annotations(tmp_path / "captions.json", **changes)
    with pytest.raises(ConfigError, match=message):
        load({"kind": "coco", "path": str(held), "annotations": str(file)})


def shard(path: Path, first: int, count: int, *, json_only: bool = False, lone: bool = False) -> Path:
    with tarfile.open(path, "w") as opened:

        def add(name: str, data: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))

        for number in range(first, first + count):
            key, caption = f"{number:09}", f"{COLOURS[number % 4]} item {number}"
            add(f"{key}.jpg", picture(COLOURS[number % 4], form="JPEG"))
            if not json_only:
                add(f"{key}.txt", caption.encode())
            add(f"{key}.json", json.dumps({"caption": caption, "key": key, "status": "success"}).encode())
        if lone:
            add("999999999.jpg", picture("red", form="JPEG"))
    return path


def test_webdataset_shards(tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset, "WINDOW", 2)
    (tmp_path / "shards").mkdir()
    for number in range(5):
        shard(tmp_path / "shards" / f"{number:05}.tar", 10 * number, 8, json_only=number == 1, lone=number == 2)
    data = load({"kind": "webdataset", "path": str(tmp_path / "shards")})
    assert len(data.items) == 40
    epochs = [[caption for step in range(5) for caption in data.batch(5 * epoch + step).captions] for epoch in range(2)]
    expected = {f"{COLOURS[n % 4]} item {n}" for s in range(5) for n in range(10 * s, 10 * s + 8)}
    assert set(epochs[0]) == set(epochs[1]) == expected
    assert epochs[0] != epochs[1]
    # Neighbours come from two shards of a window at least, and a window's shards are all that is open.
    assert len({int(caption.split()[-1]) // 10 for caption in epochs[0][:16]}) == 2
    # The second time the tables come from the cache.
    monkeypatch.setattr(webdataset, "_read_index", None)
    again = load({"kind": "webdataset", "path": f"{tmp_path}/shards/{{00000..00004}}.tar"})
    assert again.batch(3).captions == data.batch(3).captions


def test_a_truncated_shard_gives_what_is_whole(tmp_path: Path, load: Load, lines: list[str]) -> None:
    (tmp_path / "shards").mkdir()
    whole = shard(tmp_path / "shards" / "0.tar", 0, 8)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "shards" / "1.tar").write_bytes(b"no tar at all" * 100)
    data = load({"kind": "webdataset", "path": str(tmp_path / "shards")}, batch=4)
    assert 0 < len(data.items) < 8
    assert len(data.batch(0).captions) == 4
    assert any("passed over: 1.tar" in line for line in lines)


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ({"kind": "folder", "path": "nowhere"}, FileNotFoundError, "no folder nowhere"),
        ({"kind": "webdataset", "path": "nowhere/*.tar"}, FileNotFoundError, "names no tar file"),
        ({"kind": "folder", "path": "EMPTY"}, ConfigError, "holds no image"),
        ({"kind": "folder", "path": "BARE"}, ConfigError, "no image in .* has a caption"),
        ({"kind": "coco", "path": "BARE", "annotations": "none.json"}, FileNotFoundError, "no file none.json"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, load: Load, data: dict[str, object], kind: type[Exception], message: str
) -> None:
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "BARE").mkdir()
    (tmp_path / "BARE" / "a.png").write_bytes(picture("red"))
    if data["path"] in ("EMPTY", "BARE"):
        data = {**data, "path": str(tmp_path / str(data["path"]))}
    with pytest.raises(kind, match=message):
        load(data)
