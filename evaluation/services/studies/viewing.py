"""How raters are to see the images: the colour around them, how small they may stand, the language of the prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.words import nearest
from evaluation.errors import InputError
from evaluation.protocols.checks import LANGUAGE_TAG

SURROUNDS: Mapping[str, str] = {
    "light": "light grey (#f2f2f2)",
    "grey": "mid grey (#808080)",
    "dark": "dark grey (#171717)",
    "system": "light or dark, as each rater's system has it",
}
"""What can stand around the images. Each but the last is the same for every rater."""
DEFAULT_SURROUND = "light"
BEFORE = "system"
"""What studies have that were declared before there was a choice."""
SMALLEST_WIDTHS = (40, 1000)
"""CSS pixels that a study may ask for. Above, a window of 1920 pixels can't show two images side by side."""


@dataclass(frozen=True, slots=True)
class Viewing:
    """`surround`: a key of `SURROUNDS`. `smallest_width`: CSS pixels that each image must be shown wide, None for any.

    `prompts_language`: a BCP 47 tag, empty where it is not known.
    """

    surround: str = DEFAULT_SURROUND
    smallest_width: int | None = None
    prompts_language: str = ""

    def specified(self) -> dict[str, object]:
        """What a specification's `display` says."""
        return {"surround": self.surround} | (
            {} if self.smallest_width is None else {"smallest_width": self.smallest_width}
        )


def viewing_read(surround: str, smallest_width: int | None, prompts_language: str) -> Viewing:
    """As commands, forms and the API give it; an empty surround is the default.

    Raises:
        InputError: an unknown surround, a width out of range, or no language tag.
    """
    surround = surround or DEFAULT_SURROUND
    if surround not in SURROUNDS:
        raise InputError(
            f'Unknown surround "{surround}"{nearest(surround, SURROUNDS) or "."} Allowed are {", ".join(SURROUNDS)}.',
            field="surround",
        )
    least, most = SMALLEST_WIDTHS
    if smallest_width is not None and not least <= smallest_width <= most:
        raise InputError(
            f"The smallest width of an image must be {least} to {most} CSS pixels; got {smallest_width}.",
            field="smallest_width",
        )
    tag = prompts_language.strip()
    if tag and not LANGUAGE_TAG.fullmatch(tag):
        raise InputError(
            f'"{tag[:40]}" is no language tag. Write the prompts\' language as en, de or pt-BR, or leave it empty.',
            field="prompts_language",
        )
    return Viewing(surround, smallest_width, tag)


def viewing_declared(specification: Mapping[str, Any]) -> Viewing:
    """What a specification declares."""
    display = specification["display"]
    return Viewing(
        display.get("surround", BEFORE), display.get("smallest_width"), specification["suite"].get("language", "")
    )
