"""Renditions: samples as raters see them, alike in format, dimensions and header whichever generator made them.

Images of one study that differ in any of these would tell raters, or a script in their browser, which run they are
from. Metrics never read renditions; they read the samples themselves.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from PIL import Image

from evaluation.errors import InputError
from evaluation.models import StoredImage
from evaluation.services.store.images import ImageFile, hold_store, image_file_write, image_path, image_read
from evaluation.services.studies.specify import LARGEST_SIDE, Display
from generators.sizes import Size

GREY = (128, 128, 128)
FORMAT = "webp"
EFFORTS: tuple[dict[str, int], ...] = (
    {"method": 1, "quality": 20},
    {"method": 0, "quality": 30},
    {"method": 2, "quality": 50},
)
"""How hard WebP tries. Of 6, effort 1 takes a fifth of the time of the highest, and files are three per cent larger.
The others make other bytes of the same pixels, for images that a rater is shown twice."""
THREADS = 8
"""More than processors: most of them wait for the disk."""

WINDOW = 32
"""Images under way at once: enough for the processors, few enough for the memory."""


def common_display(images: Iterable[StoredImage], largest_side: int | None) -> Display:
    """The dimensions of every shown image: the shape that all `images` share, or else a square.

    The longest side is `largest_side`, or the longest of all images' up to `LARGEST_SIDE` when None.
    """
    dimensions = {(image.width, image.height) for image in images}
    side = largest_side or min(LARGEST_SIDE, max(max(pair) for pair in dimensions))
    width, height = max(dimensions, key=max)
    if any(abs(w * height - h * width) > max(w, h) for w, h in dimensions):  # more than a pixel off in shape
        return Display(side, side)
    scale = side / max(width, height)
    return Display(max(1, round(width * scale)), max(1, round(height * scale)))


def rendition_bytes(data: bytes, display: Display, encoding: int = 0) -> bytes:
    """The bytes of an image as shown: WebP, lossless, RGB, `display`'s dimensions, nothing but pixels.

    An image already of those dimensions keeps its pixels exactly. Another is resampled (Lanczos) to fit; one of another
    shape stands in the middle of mid-grey. Transparency is laid on white, as a browser's page would show it. The
    study's masks cover the picture's own corners, so that they lie over its maker's mark whatever its shape.
    `encoding`: of `EFFORTS`, for other bytes of the same pixels.
    """
    with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as image:
        picture = _opaque(image)
    placed = (0, 0, *picture.size)
    if picture.size != (display.width, display.height):
        size = _fitted(*picture.size, display)
        fitted = picture.resize(size, Image.Resampling.LANCZOS)
        picture = Image.new("RGB", (display.width, display.height), GREY)
        placed = ((display.width - size[0]) // 2, (display.height - size[1]) // 2, *size)
        picture.paste(fitted, placed[:2])
    for mask in display.masks:
        left, top, right, bottom = mask.box(*placed[2:])
        picture.paste(GREY, (placed[0] + left, placed[1] + top, placed[0] + right, placed[1] + bottom))
    out = io.BytesIO()
    picture.save(out, "WEBP", lossless=True, **EFFORTS[encoding])
    return out.getvalue()


def done_to(size: Size, display: Display) -> str:
    """What `rendition_bytes` does with an image of this size, in words."""
    if (size.width, size.height) == (display.width, display.height):
        return "shown as it is"
    fitted = Size(*_fitted(size.width, size.height, display))
    whole = (fitted.width, fitted.height) == (display.width, display.height)
    return f"resized to {fitted}" if whole else f"resized to {fitted}, in the middle of mid-grey"


def _fitted(width: int, height: int, display: Display) -> tuple[int, int]:
    """The dimensions in which an image of these fits into the display, its shape kept to the pixel."""
    scale = min(display.width / width, display.height / height)
    return (
        min(display.width, max(1, round(width * scale))),
        min(display.height, max(1, round(height * scale))),
    )


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def are_alike(images: Iterable[StoredImage], display: Display) -> bool:
    """Whether all of these can be shown as they are stored: lossy WebP of the display's dimensions, with no mask to lay
    on, and nothing in the file but its pixels (RFC 9649, 2.5: the simple format, one chunk)."""
    shape = (FORMAT, display.width, display.height)
    return not display.masks and all(
        (image.image_format, image.width, image.height) == shape and _is_plain_lossy(image) for image in images
    )


def _is_plain_lossy(image: StoredImage) -> bool:
    try:
        with image_path(image).open("rb") as file:
            head = file.read(20)
            n_bytes = file.seek(0, io.SEEK_END)
    except OSError:  # said where it is read
        return False
    if len(head) < 20 or head[:4] != b"RIFF" or head[8:16] != b"WEBPVP8 ":
        return False
    whole, pixels = struct.unpack_from("<I", head, 4)[0], struct.unpack_from("<I", head, 16)[0]
    return bool(n_bytes == whole + 8 == pixels + pixels % 2 + 20)


def renditions_make(
    images: Iterable[StoredImage],
    display: Display,
    *,
    stored: list[ImageFile],
    ours: bool = False,
    progress: Callable[[int], None] | None = None,
    encoding: int = 0,
) -> dict[int, ImageFile]:
    """Make and store the rendition of each image, by the image's primary key.

    Args:
        stored: every file is added as soon as it lies in the store, so that the caller can remove them on an error.
        ours: whether this program encoded all of `images`. Then, if they are alike as they are, they are their own
            renditions; what strangers encoded is always encoded anew.
        progress: told how many are done.
        encoding: see `rendition_bytes`.

    Raises:
        StoreFullError: no room.
        InputError: an image's file is gone or is not an image any more.
    """

    def make(image: StoredImage) -> tuple[int, ImageFile]:
        try:
            data = rendition_bytes(image_read(image), display, encoding)
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise InputError(
                f"The stored image {image.sha256[:12]} can no longer be decoded ({error}). Retry the run that made it."
            ) from error
        file = image_file_write(data=data, image_format=FORMAT, width=display.width, height=display.height)
        stored.append(file)
        return image.pk, file

    images = list(images)
    if ours and are_alike(images, display):
        if progress is not None:
            progress(len(images))
        return {each.pk: ImageFile(each.sha256, FORMAT, each.width, each.height, each.n_bytes) for each in images}
    made: dict[int, ImageFile] = {}
    hold_store()
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        for window in _windows(images, WINDOW):
            made.update(pool.map(make, window))
            if progress is not None:
                progress(len(made))
    return made


def _windows(images: Iterable[StoredImage], size: int) -> Iterator[list[StoredImage]]:
    rest = iter(images)
    while window := list(islice(rest, size)):
        yield window
