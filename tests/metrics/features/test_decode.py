"""Files to pixels: what the field's tools see, put right where they would be wrong in silence."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.hashes import files_hash
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features import images
from evaluation.metrics.features.decode import NotScoredError, decode
from evaluation.metrics.features.images import Decoded, Skipped, decode_images, list_images
from evaluation.metrics.features.resize import Recipe
from tests.metrics.pictures import picture, pictures, spoilt

RECIPE = Recipe("crop", "bicubic", 32, "tensorflow1")


def _file(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "LA", "RGBA"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_ordinary_images_are_as_every_tool_sees_them(mode: str, kind: str) -> None:
    """Grey, black and white, palette, opaque alpha: Pillow's convert("RGB"), without a note."""
    data = _file(picture(1).convert(mode), kind)
    image, notes = decode(data)
    with Image.open(io.BytesIO(data)) as opened:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(opened.convert("RGB")))
    assert image.mode == "RGB"
    assert notes == ()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "PPM"])
def test_formats(kind: str) -> None:
    data = _file(picture(2), kind)
    with Image.open(io.BytesIO(data)) as opened:
        np.testing.assert_array_equal(np.asarray(decode(data)[0]), np.asarray(opened.convert("RGB")))


def test_sixteen_bit_grey_keeps_its_high_byte() -> None:
    """convert("RGB") alone clips it to white."""
    values = (np.arange(32 * 32, dtype=np.uint16) * 64).reshape(32, 32)
    image, notes = decode(_file(Image.fromarray(values), "PNG"))
    np.testing.assert_array_equal(np.asarray(image)[:, :, 1], (values >> 8).astype(np.uint8))
    assert notes == ("16 bits a channel brought to 8",)


def test_sixteen_bit_colour_is_noted(tmp_path: Path) -> None:
    """A PNG with 16 bits a channel, written by hand: Pillow can't."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    values = (np.arange(8 * 8 * 3).reshape(8, 8 * 3) * 300).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    image, notes = decode(data)
    assert notes == ("16 bits a channel brought to 8",)
    np.testing.assert_array_equal(np.asarray(image).reshape(8, 24), (values >> 8).astype(np.uint8))


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "WEBP"])
def test_eight_bits_of_any_width_are_left_alone(kind: str) -> None:
    for width in (16, 160, 53):
        assert decode(_file(picture(1, width, 16), kind))[1] == ()


def test_transparent_parts_are_laid_on_white() -> None:
    """Colours that are hidden under full transparency must not count."""
    pixels = np.zeros((20, 20, 4), dtype=np.uint8)
    pixels[:, 10:] = (10, 20, 30, 255)
    pixels[:, :10, 0] = 200
    image, notes = decode(_file(Image.fromarray(pixels), "PNG"))
    array = np.asarray(image)
    assert (array[:, :10] == 255).all()
    assert (array[:, 10:] == (10, 20, 30)).all()
    assert notes == ("transparent parts laid on white",)


def test_cmyk_and_orientation_are_noted() -> None:
    assert decode(_file(picture(3).convert("CMYK"), "JPEG"))[1] == ("CMYK converted to RGB without its profile",)
    exif = Image.Exif()
    exif[0x0112] = 6
    image, notes = decode(_file(picture(3), "JPEG", exif=exif))
    assert image.size == (48, 40)
    assert notes == ("EXIF orientation ignored, as other tools do",)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    data = _file(Image.new("1", (20_000, 20_000)), "PNG")
    with pytest.raises(NotScoredError, match="million"):
        decode(data)


def test_a_folder_is_decoded_in_order_and_nothing_is_lost(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "a", 7)
    pictures(folder / "deep" / "er", 2)
    reasons = spoilt(folder)
    (folder / "manifest.json").write_text("{}")
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.png").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / ("0f" * 8)).write_bytes(_file(picture(5), "PNG"))  # stored under a hash, without an extension
    (folder / "linked").symlink_to(folder / "deep")
    listing = list_images(folder)
    assert [skip.file for skip in listing.skipped] == ["linked"]
    found = list(decode_images(listing, RECIPE, 32, workers=2))
    assert [image.file for image in found] == sorted(listing.files)
    skipped = {image.file: image.why for image in found if isinstance(image, Skipped)}
    assert set(skipped) == set(reasons)
    for file, word in reasons.items():
        assert word in skipped[file], skipped[file]
    scored = [image for image in found if isinstance(image, Decoded)]
    assert len(scored) == 7 + 2 + 1
    assert all(image.pixels.shape == (32, 32, 3) and image.pixels.dtype == np.uint8 for image in scored)


def test_odd_names_and_pipes(tmp_path: Path) -> None:
    picture(1).save(tmp_path / "line\nbreak é.png")
    (tmp_path / os.fsdecode(b"not-utf8-\xff.png")).write_bytes(_file(picture(2), "PNG"))
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe")
    found = list(decode_images(list_images(tmp_path), RECIPE, 32, workers=1))
    assert sum(isinstance(image, Decoded) for image in found) == 2
    assert [image.why for image in found if isinstance(image, Skipped)] == ["this is not a regular file"]


def test_a_decoder_that_dies_or_hangs_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that ends in the middle of a job, and one that never answers: the run goes on with the next."""
    pictures(tmp_path, 6)
    real, calls = images._exchange, iter(range(100))

    def exchange(child: object, job: dict[str, object]) -> tuple[dict[str, object], bytes]:
        call = next(calls)
        if call == 1:
            child.kill()  # type: ignore[attr-defined]
        if call == 3:  # a job that the child waits for: the clock ends it
            child.stdin.write(b'{"path"')  # type: ignore[attr-defined]
            child.stdin.flush()  # type: ignore[attr-defined]
            child.stdout.read(1)  # type: ignore[attr-defined]
            raise EOFError
        return real(child, job)  # type: ignore[arg-type]

    monkeypatch.setattr(images, "_exchange", exchange)
    monkeypatch.setattr(images, "_SECONDS", 3.0)
    found = list(decode_images(list_images(tmp_path), RECIPE, 32, workers=1))
    why = [image.why if isinstance(image, Skipped) else "" for image in found]
    assert "the decoder died of it" in why[1]
    assert "longer than 3 seconds" in why[3]
    assert [reason for i, reason in enumerate(why) if i not in (1, 3)] == [""] * 4


def test_stopping_early_leaves_no_process(tmp_path: Path) -> None:
    import psutil

    pictures(tmp_path, 12)
    before = {child.pid for child in psutil.Process().children()}
    stream = decode_images(list_images(tmp_path), RECIPE, 32, workers=2)
    next(stream)
    stream.close()
    assert {child.pid for child in psutil.Process().children()} <= before


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match="There is no folder"):
        list_images(tmp_path / "nothing")
    with pytest.raises(MetricError, match="There are no images in"):
        list_images(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(MetricError, match="is a file"):
        list_images(tmp_path / "a.png")


def test_the_hash_of_a_set_knows_names_and_contents() -> None:
    one = files_hash({"a": "1", "b": "2"})
    assert one == files_hash({"b": "2", "a": "1"})
    assert len({one, files_hash({"a": "1"}), files_hash({"a": "2", "b": "1"}), files_hash({"a": "1", "c": "2"})}) == 4
