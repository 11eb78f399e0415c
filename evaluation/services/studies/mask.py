"""Corners that are covered on every shown image, on both sides alike: uploaded images may carry their maker's mark."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import cast

from common.words import nearest
from evaluation.errors import InputError

CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right")
LARGEST_AREA = 0.25
"""Share of an image that one mask may cover: more would hide what is judged."""

_WRITTEN = re.compile(r"([a-z-]+):(0?\.\d+|1(?:\.0+)?)x(0?\.\d+|1(?:\.0+)?)")


@dataclass(frozen=True, slots=True)
class Mask:
    """A box in a corner. `width`, `height`: shares of the image's sides, above 0."""

    corner: str
    width: float
    height: float

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, upper, right and lower edge in pixels on an image of these dimensions; nothing of a pixel is left."""
        wide, high = min(width, ceil(round(self.width * width, 6))), min(height, ceil(round(self.height * height, 6)))
        left = 0 if self.corner.endswith("left") else width - wide
        top = 0 if self.corner.startswith("top") else height - high
        return left, top, left + wide, top + high

    @property
    def written(self) -> str:
        """As commands, forms and the API write it."""
        return f"{self.corner}:{self.width:g}x{self.height:g}"

    @property
    def in_words(self) -> str:
        """Such as "the bottom right corner (0.3 of the width, 0.1 of the height)"."""
        where = self.corner.replace("-", " ")
        return f"the {where} corner ({self.width:.4g} of the width, {self.height:.4g} of the height)"


def masks_read(written: Sequence[str]) -> tuple[Mask, ...]:
    """Masks as commands, forms and the API write them, "bottom-right:0.3x0.1", a corner once.

    Raises:
        InputError: one is written otherwise, names no corner or one twice, or covers too much.
    """
    masks: dict[str, Mask] = {}
    for text in written:
        found = _WRITTEN.fullmatch(text.strip().lower())
        if found is None:
            raise InputError(
                f'"{text}" is not a mask. Write CORNER:WIDTHxHEIGHT, as shares of the image\'s width and height, such '
                "as bottom-right:0.3x0.1.",
                field="masks",
            )
        corner, width, height = found[1], float(found[2]), float(found[3])
        if corner not in CORNERS:
            raise InputError(
                f'Unknown corner "{corner}"{nearest(corner, CORNERS) or "."} Corners: {", ".join(CORNERS)}.',
                field="masks",
            )
        if corner in masks:
            raise InputError(f"The {corner} corner is given twice. Give one box that covers both.", field="masks")
        if width * height == 0 or width * height > LARGEST_AREA:
            raise InputError(
                f"A mask must cover more than nothing and at most a quarter of the image; {text} covers "
                f"{width * height * 100:.1f} %.",
                field="masks",
            )
        masks[corner] = Mask(corner, width, height)
    return tuple(masks.values())


def masks_declared(display: Mapping[str, object]) -> tuple[Mask, ...]:
    """The masks of a specification's `display`; a study without any has no such entry."""
    listed = cast(Sequence[Mapping[str, object]], display.get("masks", ()))
    return tuple(Mask(str(each["corner"]), float(str(each["width"])), float(str(each["height"]))) for each in listed)


def masks_specified(masks: Sequence[Mask]) -> dict[str, object]:
    """What a specification's `display` says of them: nothing where there are none."""
    return {"masks": [asdict(mask) for mask in masks], "mask_colour": "mid-grey, on every image"} if masks else {}
