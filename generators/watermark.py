"""A mark in the corner of images that leave the platform, as Imagen's and DALL-E 2's images carry one.

Off unless asked for, and only on copies: `generators.sample --watermark` and the export of a run. Images that raters
see, and images that metrics read, are never marked, since a mark would name the generator.
"""

from __future__ import annotations

import hashlib
import io
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from generators.contract import GeneratorError
from generators.places import fonts_folder

HEIGHT = 1 / 14
"""Height of the mark as a share of the image's shorter side."""

WIDEST = 0.6
"""Width that it may take, as a share of the image's."""

MARGIN = 1 / 50
"""Distance from the right and the lower edge, as a share of the image's shorter side."""

LEAST = 8
"""Pixels: the smallest height at which a mark can be told."""

LONGEST = 60
LOGOS = (".png", ".webp", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Watermark:
    """What is put into the lower right corner: a text, or a logo as PNG, WebP or JPEG bytes."""

    text: str = ""
    logo: bytes = b""

    @property
    def label(self) -> str:
        """What manifests say of it: the text, or the logo's hash."""
        return f"text: {self.text}" if self.text else f"logo: {hashlib.sha256(self.logo).hexdigest()[:16]}"


def read_watermark(value: str) -> Watermark:
    """`value` as a mark: the path of an image file is a logo, anything else a text.

    Raises:
        GeneratorError: nothing, too long, characters that the font lacks, or a logo that is not there or no image.
    """
    if value.lower().endswith(LOGOS):
        try:
            logo = Path(value).read_bytes()
        except OSError as error:
            raise GeneratorError(f"watermark: {value} can't be read: {(error.strerror or '').lower()}") from None
        mark = Watermark(logo=logo)
        try:
            _logo(logo)
        except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
            raise GeneratorError(f"watermark: {value} is no PNG, WebP or JPEG image") from None
        return mark
    text = " ".join(value.split())
    if not text:
        raise GeneratorError("watermark: give a text, or the path of a logo (PNG, WebP or JPEG)")
    if len(text) > LONGEST:
        raise GeneratorError(f"watermark: {len(text)} characters; at most {LONGEST} fit a corner")
    if lacking := _lacking(text):
        named = ", ".join(f"{character!r} ({unicodedata.name(character, 'no name')})" for character in lacking[:3])
        raise GeneratorError(f"watermark: the font has no {named}. Give a logo instead, as a PNG file.")
    return Watermark(text=text)


def watermarked(image: NDArray[np.uint8], mark: Watermark) -> NDArray[np.uint8]:
    """A copy of an image, uint8 RGB (height, width, 3), with the mark in its lower right corner.

    Outside of `marked_box` no pixel changes.

    Raises:
        GeneratorError: the image is too small for any mark.
    """
    height, width = image.shape[:2]
    stamp = _stamp(mark, width, height)
    margin = round(MARGIN * min(width, height))
    picture = Image.fromarray(image)
    picture.paste(stamp, (width - margin - stamp.width, height - margin - stamp.height), stamp)
    return np.array(picture)


def marked_box(width: int, height: int, mark: Watermark) -> tuple[float, float]:
    """How far the mark reaches from the lower right corner, as shares of width and height: what a mask must cover."""
    stamp = _stamp(mark, width, height)
    margin = round(MARGIN * min(width, height))
    return (stamp.width + margin) / width, (stamp.height + margin) / height


@lru_cache(maxsize=8)
def _stamp(mark: Watermark, width: int, height: int) -> Image.Image:
    """The mark for images of one size, RGBA."""
    side = min(width, height)
    if side < 2 * LEAST:
        raise GeneratorError(f"watermark: an image of {width}x{height} pixels has no room for a mark")
    tall, widest = max(LEAST, round(HEIGHT * side)), int(WIDEST * width)
    if mark.logo:
        logo = _logo(mark.logo)
        scale = min(tall / logo.height, widest / logo.width)
        size = (max(1, round(logo.width * scale)), max(1, round(logo.height * scale)))
        return logo.resize(size, Image.Resampling.LANCZOS)
    # White on a dark veil: legible on any ground. Drawn as large as the corner allows.
    points = tall * 0.72
    font = _font(points)
    left, top, right, bottom = font.getbbox(mark.text)
    if right - left > 0.9 * widest:
        font = _font(points * 0.9 * widest / (right - left))
        left, top, right, bottom = font.getbbox(mark.text)
    pad = max(1, tall // 6)
    size = (min(widest, round(right - left) + 2 * pad), min(tall, round(bottom - top) + 2 * pad))
    stamp = Image.new("RGBA", size, (0, 0, 0, 110))
    ImageDraw.Draw(stamp).text(
        (pad - left, (size[1] - (bottom - top)) / 2 - top), mark.text, (255, 255, 255, 235), font
    )
    return stamp


def _logo(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=["PNG", "WEBP", "JPEG"]) as held:
        return held.convert("RGBA")


def _font(points: float) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings; Pillow's own font has ASCII alone."""
    path = _font_path()
    if path is not None:
        return ImageFont.truetype(path, max(1.0, points))
    font = ImageFont.load_default(max(1.0, points))
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@lru_cache(maxsize=1)
def _font_path() -> str | None:
    try:
        path = fonts_folder() / "DejaVuSans.ttf"
    except ModuleNotFoundError:
        return None
    return str(path) if path.is_file() else None


def _lacking(text: str) -> list[str]:
    """The characters that the font draws as its sign for "no such character"."""
    font = _font(24)
    none = bytes(font.getmask("\uffff"))
    return [each for each in dict.fromkeys(text) if not each.isspace() and bytes(font.getmask(each)) == none]
