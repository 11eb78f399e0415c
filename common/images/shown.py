"""Pixels as they are shown: upright, in sRGB, 8 bits a channel, without transparency."""

from __future__ import annotations

import io

from PIL import Image, ImageCms, ImageOps


def plain_rgb(image: Image.Image, *, sixteen_bit: bool) -> tuple[Image.Image, tuple[str, ...]]:
    """A decoded image as upright sRGB without alpha, and what had to be done for it."""
    notes: list[str] = []
    icc = image.info.get("icc_profile")

    # Orientation first: it is metadata of the stored pixels, and converting drops it.
    image = _upright(image, notes)
    alpha: Image.Image | None = None
    if image.mode.startswith("I") or image.mode == "F":
        # High byte, as Pillow itself does for 16-bit RGB.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    if sixteen_bit:
        notes.append("16 bits a channel brought to 8")
    if image.mode in ("P", "PA"):
        notes.append("palette colours written out")
        image = image.convert("RGB")
    if image.mode == "CMYK":
        notes.append("CMYK converted to RGB")
    elif image.mode in ("1", "L", "LA"):
        image = image.convert("L")
        notes.append("grey image, three equal channels")
    image = _to_srgb(image, icc, notes)
    if image.mode != "RGB":
        image = image.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        notes.append("transparent parts laid on white")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=alpha)
        image = white
    return image, tuple(notes)


def _upright(image: Image.Image, notes: list[str]) -> Image.Image:
    try:
        if is_turned(image):
            turned = ImageOps.exif_transpose(image)
            notes.append("turned upright as its EXIF data says")
            return turned
    except Exception:
        notes.append("unreadable EXIF data ignored")
    return image


def is_turned(image: Image.Image) -> bool:
    """Whether EXIF data say that the stored pixels do not stand upright; what damaged data raise is Pillow's."""
    return image.getexif().get(0x0112, 1) in range(2, 9)


def is_srgb(icc: object) -> bool:
    """Whether colours are sRGB as they are, by `icc`, an image's profile or None; False too where it can't be read."""
    if not isinstance(icc, bytes) or not icc:
        return True
    try:
        return _says_srgb(ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return False


def _says_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return "srgb" in ImageCms.getProfileDescription(profile).lower()


def _to_srgb(image: Image.Image, icc: object, notes: list[str]) -> Image.Image:
    if not isinstance(icc, bytes) or not icc:
        return image
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if image.mode == "RGB" and _says_srgb(profile):
            return image  # converting would only move the last bits
        converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append("unusable colour profile ignored")
        return image
    notes.append("colours converted from its profile to sRGB")
    return converted if converted is not None else image
