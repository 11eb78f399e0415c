"""Letters in figures: text as it was typed, and fonts for letters that DejaVu Sans has not.

DejaVu Sans comes with matplotlib: figures in its letters (Latin, Greek, Cyrillic, Arabic, Hebrew and more) are the same
on every machine. Letters beyond it (Chinese, Japanese, Korean, Indic scripts, emoji) are drawn in the first font of
`FALLBACKS` that the machine has; where there is none, an empty box stands for each, and `missing_letters` says so.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal
from matplotlib.text import Text
from matplotlib.typing import RcKeyType

from common.text import is_rightwards

FONT = "DejaVu Sans"
FALLBACKS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR", "Droid Sans Fallback"),
    *(
        "WenQuanYi Zen Hei",
        "WenQuanYi Micro Hei",
        "IPAexGothic",
        "IPAGothic",
        "TakaoGothic",
        "NanumGothic",
        "Baekmuk Gulim",
    ),
    *(
        "Noto Sans Devanagari",
        "Noto Sans Bengali",
        "Noto Sans Tamil",
        "Noto Sans Thai",
        "Noto Sans Khmer",
        "Lohit Devanagari",
    ),
    *("Noto Sans Arabic", "Noto Sans Hebrew", "Noto Emoji", "Symbola", "Arial Unicode MS", "Unifont"),
)
"""Fonts of free systems, and one of others, in the order in which they are asked for a letter."""

KINDS = (".ttf", ".ttc", ".otf")
UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs", "Mn"})
"""Kinds of characters that leave no box of their own."""
LEFT_TO_RIGHT_MARK = "\u200e"

TEXT: dict[RcKeyType, Any] = {"text.parse_math": False, "text.usetex": False, "font.family": FONT}
"""What every figure draws text with: a label with $, ^ or _ in it is a label, and no formula."""


@contextmanager
def as_typed(settings: dict[RcKeyType, Any], *, embedded: bool = False) -> Iterator[None]:
    """Figures drawn within have `settings`, take every text as it was typed, and say nothing of letters they lack.

    `embedded`: for a PDF, which holds its fonts: those that it can hold go before. Only one thread may be in it at a
    time: the settings are the process's.
    """
    families = [FONT, *_installed(embedded)]
    with matplotlib.rc_context({**settings, **TEXT, "font.family": families}), warnings.catch_warnings():
        # the page tells people about boxes, the log need not
        warnings.filterwarnings("ignore", message=r"(?s)Glyph \d+ .*missing from")
        yield


def shapes_where_needed(figure: Figure) -> None:
    """Have those texts of `figure` drawn as shapes that need a font which a PDF can't hold; others stay text."""
    figure.draw_without_rendering()  # ticks have no labels before
    for text in figure.findobj(Text):
        if isinstance(text, Text) and _needs_shapes(text.get_text()):
            text.set_path_effects([Normal()])


def _needs_shapes(text: str) -> bool:
    families = (FONT, *_installed(True))
    for letter in set(text):
        own = next((family for family in families if ord(letter) in _letters(family)), FONT)
        if own != FONT and own not in _truetype():
            return True
    return False


@cache
def _installed(truetype_first: bool) -> tuple[str, ...]:
    """Those of `FALLBACKS` that this machine has, as TrueType, OpenType or a collection, as Noto Sans CJK is."""
    there = {each.name for each in font_manager.fontManager.ttflist if each.fname.lower().endswith(KINDS)}
    found = [name for name in FALLBACKS if name in there]
    if truetype_first:
        found.sort(key=lambda name: name not in _truetype())
    return tuple(found)


@cache
def _truetype() -> frozenset[str]:
    """The fonts of this machine that a PDF can hold."""
    return frozenset(each.name for each in font_manager.fontManager.ttflist if each.fname.lower().endswith(".ttf"))


@cache
def _letters(family: str) -> frozenset[int]:
    """The code points that a font has."""
    path = font_manager.findfont(font_manager.FontProperties(family=family), fallback_to_default=False)
    return frozenset(font_manager.get_font(path).get_charmap())


def missing_letters(texts: Iterable[str]) -> str:
    """The letters of `texts` that no font of this machine has, each once, as they come: figures show boxes for them."""
    families = (FONT, *_installed(False))
    lacking: dict[str, None] = {}
    for letter in dict.fromkeys("".join(texts)):
        if unicodedata.category(letter) in UNSEEN or any(ord(letter) in _letters(family) for family in families):
            continue
        lacking.setdefault(letter)
    return "".join(lacking)


def leftwards(text: str) -> str:
    """A line that reads from left to right, whatever its first letter: an arrow after an Arabic name stays after it."""
    return f"{LEFT_TO_RIGHT_MARK}{text}" if is_rightwards(text) else text


def width_of(text: str) -> int:
    """How many letters wide `text` is; Chinese, Japanese and Korean letters and emoji count as two, marks as none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def short_names(names: Sequence[str], letters: int) -> list[str]:
    """`names`, each at most `letters` wide, and no two the same: cut at the end, or in the middle where that would make
    two alike, or numbered.
    """
    short = [_cut(name, letters) for name in names]
    short = [
        _cut_in_the_middle(name, letters) if short.count(each) > 1 else each
        for name, each in zip(names, short, strict=True)
    ]
    seen: dict[str, int] = {}
    told = []
    for each in short:
        seen[each] = seen.get(each, 0) + 1
        told.append(each if short.count(each) == 1 else f"{_cut(each, letters - 4)} ({seen[each]})")
    return told


def _cut(text: str, letters: int) -> str:
    if width_of(text) <= letters:
        return text
    while text and width_of(text) > letters - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def _cut_in_the_middle(text: str, letters: int) -> str:
    if width_of(text) <= letters:
        return text
    head, tail = text[: len(text) // 2], text[len(text) // 2 :]
    while head and width_of(head) > (letters - 1) // 2:
        head = head[:-1]
    while tail and width_of(tail) > letters - 1 - width_of(head):
        tail = tail[1:]
    return f"{head.rstrip()}…{tail.lstrip()}"
