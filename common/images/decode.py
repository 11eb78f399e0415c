"""One image file, decoded and checked: bytes in, plain RGB PNG out, or a problem that says what is wrong.

Pure; only Pillow is needed (the decoding child imports no numpy). Use `common.images.check_images` for files
from strangers: it calls this in a limited process.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from common.errors import UserError
from common.hashes import bytes_sha256
from common.images.plain import plain_bytes
from common.images.shown import is_srgb, is_turned, plain_rgb

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ImageFile.LOAD_TRUNCATED_IMAGES = False  # another library in this process may have set it

EXTENSIONS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "WEBP": (".webp",),
    "AVIF": (".avif",),
}
"""The formats that are taken, and the extensions that a file of each may have."""

FORMATS_IN_WORDS = "PNG, JPEG, WebP or AVIF"

ALL_EXTENSIONS = tuple(extension for group in EXTENSIONS.values() for extension in group)

PNG_STRATEGY = zlib.Z_RLE
"""How the PNGs written here are compressed, after PNG's own filters: runs and rare bytes alone. Of pictures it makes
files as small as zlib's usual search at level 6, in a quarter of the time. Changing it changes the hashes of new
images."""


class Problem(StrEnum):
    """Why a file is not taken."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    FORMAT = "format"  # an image, of a format that is not taken
    MISLABELLED = "mislabelled"
    TRUNCATED = "truncated"
    BROKEN = "broken"
    ANIMATED = "animated"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    UNREADABLE = "unreadable"  # the file itself can't be read: gone, a link, no permission
    TIMEOUT = "timeout"
    CRASH = "crash"  # the decoder died of it, or took too much memory


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What is taken. `max_bytes`: of the file. `max_pixels`: width x height. Sides in pixels.

    `seconds`: processor and wall time to decode one; `memory_bytes`: what the decoding process may take above its own.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 40_000_000
    max_side: int = 16_384
    min_side: int = 16
    seconds: float = 60.0
    memory_bytes: int = 1536 * 2**20


DEFAULT_LIMITS = ImageLimits()


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image that was decoded whole. `data`: RGB, 8 bits a channel, upright, sRGB, without metadata, as a file of
    `image_format`: "png", or the format that it came in, where only metadata had to go.

    `width`, `height`: pixels of `data`. `sha256`: of `data`, the name to store it under. `original_format`: "PNG",
    "JPEG", "WEBP" or "AVIF", by content. `original_sha256`: of the file as it came. `notes`: what was changed, for
    people; empty when the pixels are as they came.
    """

    data: bytes
    width: int
    height: int
    sha256: str
    original_format: str
    original_sha256: str
    notes: tuple[str, ...] = ()
    image_format: str = "png"


@dataclass(frozen=True, slots=True)
class ImageProblem:
    """A file that is not taken, and why, in a sentence for people."""

    problem: Problem
    message: str


class ImageError(UserError):
    """A file that is not taken; `problem` says which kind."""

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


def decode_image(data: bytes, name: str = "", limits: ImageLimits = DEFAULT_LIMITS) -> CheckedImage:
    """The image in `data`, checked and written again as a plain PNG.

    `name`: the file's name or path; its extension, where it has one, must tell the truth.

    Raises:
        ImageError: it is not taken; the message is whole but for the file's name.
    """
    image, original_format, notes = decode_pixels(data, name, limits)
    return _checked(data, _encode(image), "png", image.size, original_format, notes)


def admit_image(data: bytes, name: str = "", limits: ImageLimits = DEFAULT_LIMITS) -> CheckedImage:
    """As `decode_image`, but an image whose pixels are shown as they are keeps its own encoding, without anything else
    that was in its file: encoding takes several times as long as decoding.
    """
    kind = _kind_of(data, name, limits)
    if kind == "JPEG" and (size := _decoded_as_it_is(data, limits)) and (plain := plain_bytes(data, kind)) is not None:
        return _checked(data, plain, "jpeg", size, kind, ())
    image, notes = _decoded(data, kind, limits)
    plain = None if notes else plain_bytes(data, kind)
    if plain is None:
        return _checked(data, _encode(image), "png", image.size, kind, notes)
    return _checked(data, plain, kind.lower(), image.size, kind, notes)


def _checked(
    original: bytes,
    data: bytes,
    image_format: str,
    size: tuple[int, int],
    original_format: str,
    notes: tuple[str, ...],
) -> CheckedImage:
    original_sha256 = bytes_sha256(original)
    return CheckedImage(
        data=data,
        width=size[0],
        height=size[1],
        sha256=original_sha256 if data == original else bytes_sha256(data),
        original_format=original_format,
        original_sha256=original_sha256,
        notes=notes,
        image_format=image_format,
    )


def decode_pixels(
    data: bytes, name: str = "", limits: ImageLimits = DEFAULT_LIMITS
) -> tuple[Image.Image, str, tuple[str, ...]]:
    """As `decode_image`, before it is written again: the RGB image, its format by content, and the notes."""
    kind = _kind_of(data, name, limits)
    image, notes = _decoded(data, kind, limits)
    return image, kind, notes


def _kind_of(data: bytes, name: str, limits: ImageLimits) -> str:
    """The format of a file by its first bytes, where it is one that is taken and the name says nothing else."""
    if not data:
        raise ImageError(Problem.EMPTY, "the file is empty")
    if len(data) > limits.max_bytes:
        raise ImageError(
            Problem.TOO_LARGE,
            f"the file has {len(data) / 2**20:.1f} MiB; at most {limits.max_bytes / 2**20:g} MiB are allowed",
        )
    kind = sniff(data)
    if kind not in EXTENSIONS:
        _refuse_kind(kind)
    if mislabelled := extension_problem(name, kind):
        raise ImageError(Problem.MISLABELLED, mislabelled)
    return kind


def _decoded(data: bytes, kind: str, limits: ImageLimits) -> tuple[Image.Image, tuple[str, ...]]:
    with _opened(data, kind, limits) as opened:
        # Pillow hands out 16-bit RGB as 8-bit; before loading, the tile still names how it is stored.
        stored = str(opened.tile[0].args) if opened.tile else opened.mode
        opened.load()
        return plain_rgb(opened, sixteen_bit="16" in stored)


def _decoded_as_it_is(data: bytes, limits: ImageLimits) -> tuple[int, int] | None:
    """Width and height of a JPEG whose pixels are shown as they are, after all that is coded in it was decoded; None,
    and nothing decoded, where something about its pixels must change.

    Nobody needs its pixels here, so they are worked out at an eighth of the size (`draft`), which spares half of the
    time: the codes are read to their end in either case, and nothing behind them can fail.
    """
    with _opened(data, "JPEG", limits) as opened:
        if type(opened) is not JpegImageFile or opened.mode != "RGB":
            return None
        try:
            if is_turned(opened) or not is_srgb(opened.info.get("icc_profile")):
                return None
        except Exception:  # damaged EXIF data: told of where the pixels are worked out
            return None
        size = opened.size
        opened.draft("RGB", (1, 1))
        opened.load()
        return size


@contextlib.contextmanager
def _opened(data: bytes, kind: str, limits: ImageLimits) -> Iterator[ImageFile.ImageFile]:
    """A file whose header was checked, to be loaded in the `with`.

    Raises:
        ImageError: it is not taken, or loading it failed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged metadata, which is dropped anyway
        # Pillow's own bomb warning; the limits below are lower, and it must never be lifted.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            _check_header(data, kind, limits)
            with Image.open(io.BytesIO(data), formats=[kind]) as opened:
                yield opened
        except ImageError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise ImageError(Problem.TOO_LARGE, _too_many_pixels(limits)) from None
        except MemoryError:
            raise
        except Exception as error:
            raise _broken(kind, error) from error


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """`image`, uint8 RGB (height, width, 3), as PNG: lossless, no metadata, the same bytes each time.

    The bytes follow Pillow's compressor: another version may give others for the same pixels.

    Raises:
        ValueError: another shape or type.
    """
    if str(image.dtype) != "uint8" or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"an image is uint8 RGB (height, width, 3), not {image.dtype} of shape {image.shape}")
    return _encode(Image.fromarray(image))


def sniff(data: bytes) -> str:
    """What `data` is by its first bytes: "PNG", "JPEG", "WEBP", another format's name, or "" where unknown."""
    signatures = (
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"GIF8", "GIF"),
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"8BPS", "Photoshop"),
        (b"\0\0\x01\0", "ICO"),
        (b"%PDF", "PDF"),
        (b"PK\x03\x04", "ZIP"),
        (b"PK\x05\x06", "ZIP"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL ", "JPEG XL"),
        (b"\0\0\0\x0cjP  ", "JPEG 2000"),
        (b"qoif", "QOI"),
        (b"SIMPLE  =", "FITS"),
        (b"%!PS", "PostScript"),
    )
    for signature, kind in signatures:
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return (
            "AVIF"
            if data[8:12] in (b"avif", b"avis")
            else "HEIC"
            if data[8:11] in (b"hei", b"mif", b"hev")
            else "video"
        )
    if data[:2] == b"BM" and len(data) >= 6 and struct.unpack("<I", data[2:6])[0] in (0, len(data)):
        return "BMP"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head and head.startswith(b"<"):
        return "SVG"
    if head.startswith((b"<!doctype", b"<html")):
        return "web page"
    return ""


def _refuse_kind(kind: str) -> None:
    allowed = f"use {FORMATS_IN_WORDS}"
    if kind in ("GIF", "BMP", "TIFF", "HEIC", "JPEG XL", "JPEG 2000", "QOI", "ICO", "Photoshop", "FITS"):
        raise ImageError(Problem.FORMAT, f"{kind} images are not supported; {allowed}. Convert it to PNG")
    if kind in ("SVG", "PDF", "PostScript"):
        raise ImageError(Problem.FORMAT, f"{kind} files are not supported because they can contain programs; {allowed}")
    what = f"a {kind} file" if kind else "not a recognised image"
    raise ImageError(Problem.NOT_AN_IMAGE, f"this is {what}; {allowed}")


def extension_problem(name: str, kind: str) -> str:
    """What is wrong with the extension of a file called `name` whose content is `kind`; "" where nothing is."""
    extension = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if not extension or extension in EXTENSIONS[kind]:
        return ""
    return f"the name ends in {extension}, but the content is {kind}; rename it to {EXTENSIONS[kind][0]}"


def _check_header(data: bytes, kind: str, limits: ImageLimits) -> None:
    """Size and frames, from the header, before any pixel is decoded; PNG checksums."""
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        width, height = image.size
        if width > limits.max_side or height > limits.max_side or width * height > limits.max_pixels:
            raise ImageError(Problem.TOO_LARGE, f"the image has {width} x {height} pixels; {_too_many_pixels(limits)}")
        if width < limits.min_side or height < limits.min_side:
            raise ImageError(
                Problem.TOO_SMALL,
                f"the image has {width} x {height} pixels; each side must have {limits.min_side} or more",
            )
        # A JPEG of several pictures (MPO, from phones) is no animation: its first picture is the image.
        if kind != "JPEG" and getattr(image, "is_animated", False):
            frames = getattr(image, "n_frames", "some")
            raise ImageError(Problem.ANIMATED, f"the image is animated ({frames} frames); use a still image")
        if kind == "PNG":
            image.verify()


def _too_many_pixels(limits: ImageLimits) -> str:
    return f"at most {limits.max_side} per side and {limits.max_pixels / 1e6:g} million pixels are allowed"


def _broken(kind: str, error: Exception) -> ImageError:
    text = " ".join(str(error).split())
    if isinstance(error, UnidentifiedImageError):  # its own message holds the name of a Python object
        return ImageError(Problem.BROKEN, f"the {kind} file is damaged (its header can't be read). Copy it again")
    lowered = text.lower()
    if "truncated" in lowered or "eof" in lowered or isinstance(error, (EOFError, struct.error)):
        return ImageError(Problem.TRUNCATED, f"the {kind} file ends too early: it is truncated. Copy it again")
    return ImageError(Problem.BROKEN, f"the {kind} file is damaged ({text or type(error).__name__}). Copy it again")


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    # A new image from the bare pixels: no metadata can come along.
    Image.frombytes("RGB", image.size, image.tobytes()).save(
        buffer, format="PNG", compress_level=1, compress_type=PNG_STRATEGY
    )
    return buffer.getvalue()
