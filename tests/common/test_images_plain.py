"""Images that keep their own encoding: the same pixels, and nothing else of the file."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile, PngImagePlugin, WebPImagePlugin

from common.images.decode import ImageError, admit_image, decode_image
from common.images.plain import plain_bytes

SECRET = b"made by ada at home"
PIXELS = np.random.default_rng(0).integers(0, 255, (40, 56, 3), dtype=np.uint8)
SMOOTH = Image.fromarray(PIXELS).resize((120, 90))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_everything() -> Iterator[tuple[str, bytes]]:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", SECRET.decode())
    text.add_text("workflow", SECRET.decode(), zip=True)
    opaque = SMOOTH.convert("RGBA")
    yield "PNG", saved(SMOOTH, "PNG", pnginfo=text, exif=exif, icc_profile=profile)
    yield "PNG with alpha", saved(opaque, "PNG", pnginfo=text)
    ways: dict[str, dict[str, Any]] = {
        "JPEG": {},
        "JPEG, progressive": {"progressive": True},
        "JPEG, whole colours": {"subsampling": 0, "quality": 98},
        "JPEG, restarts": {"restart_marker_rows": 1},
        "JPEG, as RGB": {"keep_rgb": True},
        "JPEG, optimised": {"optimize": True, "comment": SECRET},
    }
    for name, options in ways.items():
        yield name, saved(SMOOTH, "JPEG", exif=exif, icc_profile=profile, **options)
    yield "WebP", saved(SMOOTH, "WEBP", exif=exif, icc_profile=profile, xmp=SECRET)
    yield "WebP, lossless", saved(SMOOTH, "WEBP", lossless=True, exif=exif)
    yield "WebP with alpha", saved(opaque, "WEBP", lossless=True, exif=exif)


CASES = dict(with_everything())


@pytest.mark.parametrize("name", CASES)
def test_the_pixels_stay_and_nothing_else(name: str) -> None:
    data = CASES[name] + b"GIF89a" + SECRET
    admitted = admit_image(data)
    assert admitted.image_format == admitted.original_format.lower() and admitted.notes == ()
    assert SECRET in data and SECRET not in admitted.data and b"GIF89a" not in admitted.data
    assert len(admitted.data) < len(data)
    with Image.open(io.BytesIO(admitted.data)) as kept, Image.open(io.BytesIO(decode_image(data).data)) as anew:
        assert np.array_equal(np.asarray(kept.convert("RGB")), np.asarray(anew))
        assert not kept.getexif() and not ({"icc_profile", "comment", "parameters", "xmp"} & set(kept.info))
    assert admit_image(admitted.data).data == admitted.data, "a plain file is the same again"
    assert admit_image(admitted.data).sha256 == admit_image(admitted.data).original_sha256


@pytest.mark.parametrize(
    "data",
    [
        saved(SMOOTH.convert("L"), "PNG"),
        saved(SMOOTH.convert("P"), "PNG"),
        saved(SMOOTH.convert("L"), "JPEG"),
        saved(SMOOTH.convert("CMYK"), "JPEG"),
        saved(Image.new("RGBA", (20, 20)), "PNG"),
        saved(SMOOTH, "AVIF"),
    ],
)
def test_what_is_shown_otherwise_is_written_anew(data: bytes) -> None:
    admitted = admit_image(data)
    assert admitted.image_format == "png" and admitted == decode_image(data)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_a_png_with_a_critical_chunk_of_its_own_is_written_anew() -> None:
    data = saved(SMOOTH, "PNG")
    at = data.index(b"IDAT") - 4
    assert plain_bytes(data[:at] + chunk(b"XyZz", b"x") + data[at:], "PNG") is None


@given(st.sampled_from(sorted(CASES)), st.integers(0, 400), st.binary(min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_a_copy_or_none(name: str, at: int, noise: bytes) -> None:
    data = CASES[name]
    damaged = data[:at] + noise + data[at + len(noise) :]
    for kind in ("PNG", "JPEG", "WEBP"):
        for some in (damaged, damaged[: len(damaged) // 2], data[:at]):
            plain = plain_bytes(some, kind)
            assert plain is None or len(plain) <= len(some) + 1


@pytest.mark.parametrize("name", ["JPEG", "JPEG, progressive", "JPEG, whole colours", "JPEG, restarts"])
def test_damage_is_seen_by_the_cheaper_decoding_as_by_the_whole(name: str) -> None:
    """Cut anywhere or changed anywhere, a file is taken by both or refused by both for the same reason."""
    data = CASES[name]
    rng = np.random.default_rng(7)
    damaged = [data[:end] for end in range(4, len(data), 41)]
    for _ in range(150):
        changed = bytearray(data)
        for at in rng.integers(2, len(data), 3):
            changed[at] = rng.integers(256)
        damaged.append(bytes(changed))
    refused = 0
    for file in damaged:
        outcomes = [_outcome(way, file) for way in (admit_image, decode_image)]
        assert outcomes[0] == outcomes[1]
        refused += isinstance(outcomes[0], str)
    assert 20 < refused < len(damaged)


def _outcome(way: Any, data: bytes) -> str | tuple[int, int]:
    try:
        image = way(data)
    except ImageError as error:
        return f"{error.problem}: {error}"
    return image.width, image.height


@pytest.mark.parametrize("name", CASES)
def test_a_file_that_keeps_its_encoding_is_decoded_once_and_never_encoded(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[tuple[int, int]] = []
    kinds = (ImageFile.ImageFile, WebPImagePlugin.WebPImageFile)
    for kind in kinds:
        monkeypatch.setattr(kind, "load", _counting(kind.load, loads))
    monkeypatch.setattr(Image.Image, "save", lambda *args, **options: pytest.fail("it was encoded"))
    admit_image(CASES[name])
    assert len(loads) == 1


def _counting(load: Any, loads: list[tuple[int, int]]) -> Any:
    def counted(self: Any) -> Any:
        inside = bool(getattr(self, "_counting", False))
        before, self._counting = self._im, True
        result = load(self)
        self._counting = inside
        if before is None and self._im is not None and not inside:
            loads.append(self.size)
        return result

    return counted
