"""Image files as strangers send them: what is taken, what is changed, what is refused and with which words."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from common.hashes import bytes_sha256
from common.images.decode import ImageError, ImageLimits, Problem, decode_image, encode_png, sniff

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(png: bytes) -> np.ndarray:
    """A PNG's pixels, by Pillow alone."""
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == "RGB"
        assert not {"exif", "icc_profile", "Comment", "dpi", "transparency"} & set(image.info)
        return np.asarray(image)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width: int, height: int, depth: int, colour: int, row: bytes) -> bytes:
    """A PNG written by hand: every row alike."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress((b"\0" + row) * height))
    return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")


RGB = Image.fromarray(PIXELS)


def test_a_plain_png_keeps_every_pixel_and_says_nothing() -> None:
    data = saved(RGB, "PNG")
    checked = decode_image(data, "a/00001.png")
    assert np.array_equal(pixels(checked.data), PIXELS)
    assert (checked.width, checked.height, checked.original_format, checked.notes) == (32, 24, "PNG", ())
    assert checked.sha256 == bytes_sha256(checked.data)
    assert checked.original_sha256 == bytes_sha256(data)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_encoding_is_lossless_and_the_same_each_time(height: int, width: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    png = encode_png(image)
    assert np.array_equal(pixels(png), image)
    assert encode_png(image[::-1][::-1]) == png


def test_a_picture_s_file_is_no_larger_than_zlib_s_usual_search_makes_it() -> None:
    y, x = np.mgrid[0:256, 0:256] / 256
    noise = np.random.default_rng(0).normal(0, 2, (256, 256, 3))
    waves = np.stack([np.sin(7 * x + 3 * y), np.cos(5 * y), x * y], axis=2) * 90 + 128
    picture = (waves + noise).clip(0, 255).astype(np.uint8)
    usual = io.BytesIO()
    Image.fromarray(picture).save(usual, "PNG", compress_level=6)
    assert len(encode_png(picture)) <= 1.02 * len(usual.getvalue())


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_encoding_takes_rgb_bytes_alone(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 RGB"):
        encode_png(image)


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "x.jpg"), ("JPEG", "x.JPEG"), ("WEBP", "x.webp"), ("JPEG", "x")])
def test_jpeg_and_webp_are_taken_by_content(kind: str, name: str) -> None:
    checked = decode_image(saved(RGB, kind), name)
    assert checked.original_format == kind
    assert pixels(checked.data).shape == (24, 32, 3)


def test_grey_palette_and_bilevel_become_rgb() -> None:
    grey = decode_image(saved(RGB.convert("L"), "PNG"))
    assert grey.notes == ("grey image, three equal channels",)
    assert np.array_equal(pixels(grey.data)[..., 0], np.asarray(RGB.convert("L")))
    palette = RGB.quantize(16)
    checked = decode_image(saved(palette, "PNG"))
    assert checked.notes == ("palette colours written out",)
    assert np.array_equal(pixels(checked.data), np.asarray(palette.convert("RGB")))
    bilevel = decode_image(saved(RGB.convert("1"), "PNG"))
    assert set(np.unique(pixels(bilevel.data))) <= {0, 255}


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_are_brought_to_eight(colour: int, channels: int) -> None:
    row = b"".join(
        b"\x80\x12" if index < 3 and (colour != 4 or index == 0) else b"\xff\xff" for index in range(channels)
    )
    checked = decode_image(raw_png(20, 20, 16, colour, row * 20))
    assert "16 bits a channel brought to 8" in checked.notes
    assert (pixels(checked.data) == 0x80).all()


def test_transparency_is_laid_on_white_and_said() -> None:
    alpha = np.full((24, 32), 255, np.uint8)
    opaque = decode_image(saved(Image.merge("RGBA", (*RGB.split(), Image.fromarray(alpha))), "PNG"))
    assert opaque.notes == () and np.array_equal(pixels(opaque.data), PIXELS)
    alpha[:, :16] = 0
    half = decode_image(saved(Image.merge("RGBA", (*RGB.split(), Image.fromarray(alpha))), "WEBP", lossless=True))
    assert half.notes == ("transparent parts laid on white",)
    assert (pixels(half.data)[:, :16] == 255).all()
    assert np.array_equal(pixels(half.data)[:, 16:], PIXELS[:, 16:])
    keyed = decode_image(saved(Image.new("RGB", (16, 16), (1, 2, 3)), "PNG", transparency=(1, 2, 3)))
    assert (pixels(keyed.data) == 255).all()
    palette = Image.new("P", (16, 16), 0)
    assert (pixels(decode_image(saved(palette, "PNG", transparency=0)).data) == 255).all()


def test_cmyk_becomes_rgb() -> None:
    checked = decode_image(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95), "x.jpg")
    assert checked.notes == ("CMYK converted to RGB",)
    assert abs(pixels(checked.data).mean(axis=(0, 1)) - [255, 0, 0]).max() < 6


def test_orientation_is_applied_and_metadata_is_gone() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side
    exif[0x010E] = "made by generator A"
    data = saved(RGB, "PNG", exif=exif, dpi=(300, 300))
    checked = decode_image(data)
    assert checked.notes == ("turned upright as its EXIF data says",)
    assert np.array_equal(pixels(checked.data), np.rot90(PIXELS, -1))
    assert b"generator A" in data and b"generator A" not in checked.data


def test_damaged_exif_harms_no_pixel() -> None:
    checked = decode_image(saved(RGB, "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert np.array_equal(pixels(checked.data), PIXELS)


def test_a_colour_profile_is_converted_to_srgb() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = decode_image(saved(RGB, "PNG", icc_profile=srgb))
    assert same.notes == () and np.array_equal(pixels(same.data), PIXELS)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for unusable in (lab, b"no profile at all"):
        checked = decode_image(saved(RGB, "PNG", icc_profile=unusable))
        assert checked.notes == ("unusable colour profile ignored",)
        assert np.array_equal(pixels(checked.data), PIXELS)
    swapped = decode_image(saved(Image.new("RGB", (16, 16), (200, 30, 30)), "PNG", icc_profile=_wide_profile(srgb)))
    assert swapped.notes == ("colours converted from its profile to sRGB",)
    assert (pixels(swapped.data) != (200, 30, 30)).any()


def _wide_profile(srgb: bytes) -> bytes:
    """sRGB's profile under another name, with red and green primaries changed over."""
    data = bytearray(srgb)
    count = struct.unpack(">I", data[128:132])[0]
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    offset, size = struct.unpack(">II", data[tags[b"desc"] + 4 : tags[b"desc"] + 12])
    text = bytes(data[offset : offset + size])
    data[offset : offset + size] = text.replace("sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be")).replace(
        b"sRGB", b"Wide"
    )
    return bytes(data)


PNG, JPEG, WEBP = saved(RGB, "PNG"), saved(RGB, "JPEG"), saved(RGB, "WEBP")
FRAMES = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]


@pytest.mark.parametrize(
    ("data", "name", "problem", "message"),
    [
        (b"", "x.png", Problem.EMPTY, "the file is empty"),
        (b"hello, world", "x.png", Problem.NOT_AN_IMAGE, "not a recognised image"),
        (b"<!DOCTYPE html><html>", "x.png", Problem.NOT_AN_IMAGE, "a web page file"),
        (b"PK\x03\x04rest", "x.png", Problem.NOT_AN_IMAGE, "a ZIP file"),
        (b"<?xml version='1.0'?><svg onload='alert(1)'/>", "x.png", Problem.FORMAT, "can contain programs"),
        (
            saved(RGB, "GIF"),
            "x.gif",
            Problem.FORMAT,
            "GIF images are not supported; use PNG, JPEG, WebP or AVIF. Convert it to PNG",
        ),
        (saved(RGB, "BMP"), "x.bmp", Problem.FORMAT, "BMP images are not supported"),
        (saved(RGB, "TIFF"), "x.tif", Problem.FORMAT, "TIFF images are not supported"),
        (JPEG, "x.png", Problem.MISLABELLED, "the name ends in .png, but the content is JPEG; rename it to .jpg"),
        (PNG, "x.PNG.jpg", Problem.MISLABELLED, "rename it to .png"),
        (PNG, "x.html", Problem.MISLABELLED, "the name ends in .html"),
        (PNG[:-20], "x.png", Problem.TRUNCATED, "ends too early"),
        (PNG[:-12], "x.png", Problem.TRUNCATED, "ends too early"),
        (PNG[:20], "x.png", Problem.TRUNCATED, "ends too early"),
        (JPEG[: len(JPEG) // 2], "x.jpg", Problem.TRUNCATED, "ends too early"),
        (saved(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]), "x.webp", Problem.ANIMATED, "2 frames"),
        (saved(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]), "x.png", Problem.ANIMATED, "2 frames"),
        (saved(Image.new("RGB", (15, 40)), "PNG"), "x.png", Problem.TOO_SMALL, "each side must have 16 or more"),
        (
            raw_png(30_000, 16, 8, 0, b"\0" * 30_000),
            "x.png",
            Problem.TOO_LARGE,
            "30000 x 16 pixels; at most 16384 per side",
        ),
        (raw_png(9_000, 9_000, 1, 0, b"\0" * 1125), "x.png", Problem.TOO_LARGE, "40 million pixels"),
        (raw_png(60_000, 60_000, 1, 0, b"")[:200], "x.png", Problem.TOO_LARGE, "pixels are allowed"),
    ],
)
def test_refused(data: bytes, name: str, problem: Problem, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode_image(data, name)
    assert caught.value.problem is problem, caught.value
    assert message in str(caught.value)


def test_half_a_webp_is_refused() -> None:
    with pytest.raises(ImageError) as caught:
        decode_image(WEBP[: len(WEBP) // 2], "x.webp")
    assert caught.value.problem in (Problem.TRUNCATED, Problem.BROKEN)


@pytest.mark.parametrize("at", range(len(PNG) - 40, len(PNG) - 16, 4))
def test_one_flipped_bit_in_a_png_is_noticed(at: int) -> None:
    damaged = bytearray(PNG)
    damaged[at] ^= 1
    with pytest.raises(ImageError) as caught:
        decode_image(bytes(damaged), "x.png")
    assert caught.value.problem in (Problem.BROKEN, Problem.TRUNCATED)


@given(st.binary(max_size=300), st.sampled_from([b"", PNG[:60], JPEG[:60], WEBP[:60], b"BM", b"GIF89a"]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_an_image_or_a_problem(tail: bytes, head: bytes) -> None:
    try:
        decode_image(head + tail)
    except ImageError as error:
        assert str(error) and "0x" not in str(error) and "BytesIO" not in str(error)


def test_what_hides_behind_the_end_of_an_image_does_not_come_along() -> None:
    checked = decode_image(PNG + b"<script>alert(1)</script>", "x.png")
    assert b"script" not in checked.data


def test_limits_are_the_callers() -> None:
    with pytest.raises(ImageError, match="at most 0.0009"):
        decode_image(PNG, limits=ImageLimits(max_bytes=1000))
    with pytest.raises(ImageError, match="at most 31 per side"):
        decode_image(PNG, limits=ImageLimits(max_side=31))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "PNG"),
        (JPEG, "JPEG"),
        (WEBP, "WEBP"),
        (b"\0\0\0\x1cftypavif", "AVIF"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"BMW", ""),
    ],
)
def test_sniffing(data: bytes, kind: str) -> None:
    assert sniff(data) == kind
