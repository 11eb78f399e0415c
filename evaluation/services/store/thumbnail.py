"""Small versions of stored images for the researcher's pages."""

from __future__ import annotations

import io
from pathlib import Path
from threading import Lock

from PIL import Image

from common.images import DecodeProcess, ImageProblem
from evaluation.errors import InputError
from evaluation.models import StoredImage
from evaluation.services.store.images import image_read, store_write
from evaluation.services.store.places import thumbnails_folder

SIDE = 192
"""Pixels: sharp at the size shown, on screens of double density."""


_DECODER, _LOCK = DecodeProcess(), Lock()
"""One for all threads of this process, started with the first small image."""


def thumbnail_path(image: StoredImage) -> Path:
    """A WebP of `image` that fits in `SIDE` x `SIDE`, made when first asked for; it can be removed at any time.

    Raises:
        InputError: the image's own file is gone.
    """
    target = thumbnails_folder() / image.sha256[:2] / f"{image.sha256}-{SIDE}.webp"
    if not target.exists():
        store_write(target, small_webp(image_read(image)))
    return target


def small_webp(data: bytes) -> bytes:
    """A WebP that fits in `SIDE` x `SIDE`. The image is decoded in a limited process: its encoding may be a stranger's.

    Raises:
        InputError: it can't be decoded any more.
    """
    with _LOCK:
        pixels = _DECODER.pixels("", data)
    if isinstance(pixels, ImageProblem):
        raise InputError(f"This image can't be shown small: {pixels.message}.")
    small = Image.fromarray(pixels)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80, method=4)
    return buffer.getvalue()
