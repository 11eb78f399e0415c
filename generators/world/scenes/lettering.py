"""Words as squares of letters: which font's, how large, and where each letter goes so that the words fill a box."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

FONTS_TABLE = Path(__file__).with_name("fonts.json")

CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
MONO = "mono"
FONTS = ("sans", "serif", MONO)
"""DejaVu Sans, Serif and Sans Mono, all bold: they can be read when they are small."""

CELL = 1.4
"""Side of a letter's square, in em."""
PEN = 0.2
"""Where in it the letter begins, from the left, in em."""
BASELINE = 1.05
"""Where in it the letter stands, from the top, in em."""
LINE = 1.12
"""From one baseline to the next, in em."""
CAPITAL = 0.73
"""Height of a capital, in em."""
LARGEST = 0.34
"""Em at most, in units of the picture's side."""

GRID = 64
"""Pixels a side of the base's picture, by which `grid_letters` places letters."""
SNAP = 2
"""Words begin and stand on multiples of so many of its pixels: the base sees patches of 2x2, and the same letter cut
into them otherwise is another one to learn."""
PITCHES = ((12, 20), (10, 16), (8, 14), (6, 10), (5, 8), (4, 8))
"""Widths of a letter there, and from one baseline to the next, in pixels."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the picture, in units of its side, y downwards."""

    left: float
    top: float
    right: float
    bottom: float


def glyph_key(font: str, character: str) -> str:
    """The name of a letter's drawing in the sprites."""
    return f"glyph/{font}/{character}"


@lru_cache(maxsize=1)
def advances() -> dict[str, dict[str, float]]:
    """Font -> character -> width, in em; made beside the sprites."""
    held: dict[str, dict[str, float]] = json.loads(FONTS_TABLE.read_text(encoding="utf-8"))
    return held


def letters(text: str, box: Box, rng: np.random.Generator) -> Iterator[tuple[str, float, float, float]]:
    """The words' letters as (drawing, x and y of the middle, side), in the lines that let them be largest.

    `rng`: chooses the font and makes them a little smaller.

    Raises:
        ValueError: a character has no drawing.
    """
    _check(text)
    font = FONTS[0] if rng.random() < 0.6 else FONTS[1 + int(rng.random() * (len(FONTS) - 1))]
    widths = advances()[font]
    wide, high = box.right - box.left, box.bottom - box.top
    em, lines = max((_em(lines, widths, wide, high), lines) for lines in _breaks(text.split()))
    em *= float(rng.uniform(0.85, 1.0))
    height = em * (LINE * (len(lines) - 1) + CAPITAL)
    y = (box.top + box.bottom - height) / 2 + em * CAPITAL
    for line in lines:
        x = (box.left + box.right - em * _width(line, widths)) / 2
        for character in line:
            if character != " ":
                middle = (x + em * (CELL / 2 - PEN), y + em * (CELL / 2 - BASELINE))
                yield glyph_key(font, character), middle[0], middle[1], em * CELL
            x += em * widths[character]
        y += em * LINE


def grid_letters(text: str, box: Box) -> Iterator[tuple[str, float, float, float]]:
    """As `letters`, in the font of equal widths, in one of few sizes; words begin at whole patches of a 64x64 picture.

    So there are a few hundred pictures of letters in all, and a network that sees little learns them.

    Raises:
        ValueError: a character has no drawing.
    """
    _check(text)
    wide, high = (box.right - box.left) * GRID, (box.bottom - box.top) * GRID
    capital = CAPITAL / advances()[MONO]["A"]
    (pitch, step), lines = PITCHES[-1], text.split()
    fitting = [
        (size, -len(broken), broken)
        for size in PITCHES
        for broken in _breaks(text.split())
        if size[0] * max(map(len, broken)) <= wide and size[1] * (len(broken) - 1) + size[0] * capital + 3 <= high
    ]
    if fitting:
        (pitch, step), _, lines = max(fitting)
    em = pitch / advances()[MONO]["A"]
    middle_x, middle_y = ((low + high) / 2 * GRID for low, high in ((box.left, box.right), (box.top, box.bottom)))
    baseline = snapped(middle_y - (step * (len(lines) - 1) + pitch * capital) / 2 + pitch * capital)
    for row, line in enumerate(lines):
        left = snapped(middle_x - pitch * len(line) / 2)
        for column, character in enumerate(line):
            if character != " ":
                x = left + pitch * column + em * (CELL / 2 - PEN)
                y = baseline + step * row + em * (CELL / 2 - BASELINE)
                yield glyph_key(MONO, character), x / GRID, y / GRID, em * CELL / GRID


def snapped(value: float) -> int:
    """The nearest multiple of SNAP."""
    return SNAP * round(value / SNAP)


def _check(text: str) -> None:
    unknown = sorted(set(text) - set(CHARACTERS) - {" "})
    if unknown:
        raise ValueError(f"{text!r} has {' '.join(map(repr, unknown))}; signs are written in A-Z, a-z, 0-9 and blanks")


def _em(lines: list[str], widths: dict[str, float], wide: float, high: float) -> float:
    """The largest em at which the lines fit."""
    longest = max(_width(line, widths) for line in lines)
    return min(wide / longest, high / (LINE * (len(lines) - 1) + CAPITAL + 0.25), LARGEST)


def _width(line: str, widths: dict[str, float]) -> float:
    return sum(widths[character] for character in line)


def _breaks(words: list[str]) -> Iterator[list[str]]:
    """Every way to break words into lines."""
    for choice in range(1 << (len(words) - 1)):
        lines = [words[0]]
        for index, word in enumerate(words[1:]):
            if choice >> index & 1:
                lines.append(word)
            else:
                lines[-1] += " " + word
        yield lines
