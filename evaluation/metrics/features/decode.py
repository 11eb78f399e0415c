"""One image file to the pixels that a network sees, for metrics. Needs Pillow and numpy; runs in a decoding process.

Pixels are what the field's tools see (Pillow's `convert("RGB")`), so that values compare: embedded colour profiles and
EXIF orientation are ignored. Where those tools would give nonsense in silence (16-bit grey clipped to white, hidden
colours under transparency, the first frame of an animation), it is put right and noted, or refused.
`common.images` is another road, for what raters see.
"""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from common.images.decode import sniff
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.resize import Recipe, prepare

ImageFile.LOAD_TRUNCATED_IMAGES = False  # another library in this process may have set it

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
EXTENSIONS = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
)
"""Extensions that say "image". A file of one of them is scored, or named as skipped."""

MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 2**20


class NotScoredError(MetricError):
    """A file that can't be scored, and why, in a sentence for people."""


def decode(data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """The RGB image in `data`, and what had to be done to make it one (empty for an ordinary image).

    Raises:
        NotScoredError: it is not a whole, still image of a format that is taken.
    """
    if not data:
        raise NotScoredError("the file is empty")
    if len(data) > MAX_BYTES:
        raise NotScoredError(f"the file has {len(data) / 2**20:.0f} MiB; at most {MAX_BYTES / 2**20:.0f} are allowed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's bomb warning stands below the limit here; its others name metadata
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check(image)
                if image.format == "PNG":
                    _check_png_sums(data)
                sixteen_bit = ";16" in _stored_mode(image)
                image.load()
                return _rgb(image, sixteen_bit=sixteen_bit)
        except (NotScoredError, MemoryError):
            raise
        except UnidentifiedImageError:
            raise NotScoredError(_not_taken(data)) from None
        except Image.DecompressionBombError:
            raise NotScoredError(f"the image has more than {MAX_PIXELS / 1e6:g} million pixels") from None
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            raise NotScoredError(f"the file is damaged or ends too early ({text})") from error


def pixels_for(
    data: bytes, recipe: Recipe, network_size: int
) -> tuple[NDArray[np.uint8] | NDArray[np.float32], tuple[str, ...]]:
    """`data` decoded and brought to (side, side, 3) by `recipe`; and the notes of `decode`. Raises as it does."""
    image, notes = decode(data)
    return prepare(image, recipe, network_size), notes


def _check(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise NotScoredError(f"the image has {width} x {height} pixels; at most {MAX_PIXELS / 1e6:g} million are taken")
    # A JPEG of several pictures (MPO, from phones) is no animation: its first picture is the image.
    frames = 1 if image.format in ("JPEG", "MPO") else getattr(image, "n_frames", 1)
    if frames > 1:
        raise NotScoredError(f"the file holds {frames} frames or pages; it takes one still image")


def _stored_mode(image: ImageFile.ImageFile) -> str:
    """How pixels lie in the file ("RGB;16B"), known before loading only: Pillow hands out 16-bit colours as 8-bit."""
    arguments = image.tile[0].args if image.tile else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _check_png_sums(data: bytes) -> None:
    """Pillow decodes past a wrong checksum; the pixels would be wrong in silence."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as again:
        again.verify()


def _rgb(image: Image.Image, *, sixteen_bit: bool) -> tuple[Image.Image, tuple[str, ...]]:
    notes = []
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint16) >> 8  # the high byte, as Pillow itself takes of 16-bit RGB
        image = Image.fromarray(grey.astype(np.uint8))
        notes.append("16 bits a channel brought to 8")
    elif image.mode in ("I", "F"):
        raise NotScoredError("the image has 32 bits a channel, of no agreed range; convert it to 8 bits")
    elif sixteen_bit:
        notes.append("16 bits a channel brought to 8")
    if image.mode == "CMYK":
        notes.append("CMYK converted to RGB without its profile")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        alpha = with_alpha.getchannel("A")
        if alpha.getextrema() != (255, 255):
            notes.append("transparent parts laid on white")
            white = Image.new("RGB", image.size, (255, 255, 255))
            white.paste(with_alpha.convert("RGB"), mask=alpha)
            return white, tuple(notes)
    if "exif" in image.info and image.getexif().get(0x0112, 1) in range(2, 9):
        notes.append("EXIF orientation ignored, as other tools do")
    return image.convert("RGB"), tuple(notes)


def _not_taken(data: bytes) -> str:
    kind = sniff(data)
    if kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF"):
        return f"the {kind} file is damaged: its header can't be read"
    what = f"a {kind} file" if kind else "not an image that can be recognised"
    return f"this is {what}; {', '.join(FORMATS)} are taken"
