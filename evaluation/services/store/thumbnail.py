"""Small versions of stored images for the researcher's pages."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from evaluation.models import StoredImage
from evaluation.services.store.images import image_read, store_write
from evaluation.services.store.places import thumbnails_folder

SIDE = 192
"""Pixels: sharp at the size shown, on screens of double density."""


def thumbnail_path(image: StoredImage) -> Path:
    """A WebP of `image` that fits in `SIDE` x `SIDE`, made when first asked for; it can be removed at any time.

    Raises:
        InputError: the image's own file is gone.
    """
    target = thumbnails_folder() / image.sha256[:2] / f"{image.sha256}-{SIDE}.webp"
    if not target.exists():
        store_write(target, small_webp(image_read(image), image.image_format))
    return target


def small_webp(data: bytes, image_format: str) -> bytes:
    """A WebP that fits in `SIDE` x `SIDE`, of an image that was decoded, checked and capped in size before."""
    with Image.open(io.BytesIO(data), formats=[image_format.upper()]) as opened:
        opened.draft("RGB", (2 * SIDE, 2 * SIDE))
        small = opened.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80, method=4)
    return buffer.getvalue()
