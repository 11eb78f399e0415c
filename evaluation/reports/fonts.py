"""Letters in figures: text as it was typed, and fonts for letters that DejaVu Sans has not.

DejaVu Sans comes with matplotlib: figures in its letters (Latin, Greek, Cyrillic, Arabic, Hebrew and more) are the same
on every machine. Letters beyond it (Chinese, Japanese, Korean, Indic scripts, emoji) are drawn in the first font of
`FALLBACKS` that the machine has; where there is none, an empty box stands for each.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.typing import RcKeyType

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

TEXT: dict[RcKeyType, Any] = {"text.parse_math": False, "text.usetex": False, "font.family": FONT}
"""What every figure draws text with: a label with $, ^ or _ in it is a label, and no formula."""


@contextmanager
def as_typed(settings: dict[RcKeyType, Any]) -> Iterator[None]:
    """Figures drawn within have `settings`, take every text as it was typed, and say nothing of letters they lack.

    Only one thread may be in it at a time: the settings are the process's.
    """
    with matplotlib.rc_context({**settings, **TEXT, "font.family": [FONT, *_installed()]}), warnings.catch_warnings():
        # the page tells people about boxes, the log need not
        warnings.filterwarnings("ignore", message=r"(?s)Glyph \d+ .*missing from")
        yield


@cache
def _installed() -> tuple[str, ...]:
    """Those of `FALLBACKS` that this machine has, as TrueType: PDFs can't hold other kinds."""
    there = {each.name for each in font_manager.fontManager.ttflist if each.fname.lower().endswith(".ttf")}
    return tuple(name for name in FALLBACKS if name in there)


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
