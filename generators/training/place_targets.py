"""What stands at each place of a small grid, of a layout: what `generators.training.placing` teaches and asks.

Concept or letter, colour, which part of a letter, and the letter's ink.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from generators.world.scenes.layout import Layout, Placed, extent
from generators.world.scenes.lettering import BASELINE, CELL, CHARACTERS, PEN, advances
from generators.world.scenes.render import Renderer
from generators.world.scenes.roles import BOARDS
from generators.world.scenes.words import COLOURS

LETTER = 0.66
"""Side of the places that a letter covers, in em."""

NOTHING, AS_IT_IS = 0, 1
"""The first two colours: of no thing, and of one whose colour is not said."""

PARTS = (16, 16, 32)
"""Columns, rows and sizes of letters that are told apart."""

ASCENT, DESCENT = 0.8, 0.26
"""How far a letter reaches above and below its line, in em."""

INK = 4
"""Pixels of the picture in a place: two by two, where the map is half as fine as the picture."""


def targets(layouts: Sequence[Layout], classes: Sequence[str], side: int) -> NDArray[np.int64]:
    """Concept and colour at each place, (n, 2, side, side): 0 where nothing is; what is in front counts."""
    numbers = {name: index + 1 for index, name in enumerate(classes)}
    colours = {name: index + 2 for index, name in enumerate(COLOURS)}
    at = (np.arange(side) + 0.5) / side
    grid = np.zeros((len(layouts), 2, side, side), np.int64)
    for index, layout in enumerate(layouts):
        for placed in layout.objects:
            name = _class_of(placed)
            if name not in numbers:
                continue
            wide, high = extent(placed) if name == placed.concept else (placed.side / CELL * LETTER,) * 2
            covered = (2 * (at[None, :] - placed.x) / wide) ** 2 + (2 * (at[:, None] - placed.y) / high) ** 2 <= 1
            row, column = (min(max(int(value * side), 0), side - 1) for value in (placed.y, placed.x))
            covered[row, column] = True  # what is smaller than a place has one all the same
            grid[index, 0][covered] = numbers[name]
            plain = placed.colour is None or placed.pattern is not None
            grid[index, 1][covered] = AS_IT_IS if plain else colours[str(placed.colour)]
    return grid


def _class_of(placed: Placed) -> str:
    """The concept, or the letter itself."""
    return placed.concept.rpartition("/")[2] if placed.concept.startswith("glyph/") else placed.concept


def classes_of(concepts: Sequence[str]) -> tuple[str, ...]:
    """What may stand at a place: the concepts, and where some of them carry words, letters and digits."""
    return (*sorted(concepts), *(CHARACTERS if set(concepts) & set(BOARDS) else ()))


def parts_of(layouts: Sequence[Layout], side: int) -> NDArray[np.int64]:
    """Which part of a letter lies at each place, (n, 3, side * side), -1 where no letter stands: its column in the
    letter, in pixels of a picture twice as fine as the map, its row, in places from the top, and the letter's size in
    those pixels.
    """
    at = (np.arange(side) + 0.5) / side
    found = np.full((len(layouts), len(PARTS), side, side), -1, np.int64)
    for index, layout in enumerate(layouts):
        for one in layout.objects:
            if one.concept.startswith("glyph/"):
                _, font, character = one.concept.split("/")
                em = one.side / CELL
                left, top = one.x - em * (CELL / 2 - PEN), one.y - em * (CELL / 2 - BASELINE + ASCENT)
                # Steady letters begin at whole pixels, where rounding down would be a matter of the last bit.
                across = np.rint((at - left) * 2 * side)
                columns = np.nonzero((across >= 0) & (across < np.rint(em * advances()[font][character] * 2 * side)))[0]
                rows = np.nonzero((at >= top) & (at < top + em * (ASCENT + DESCENT)))[0]
                for number, value in enumerate(
                    np.broadcast_arrays(across[columns], (at[rows, None] - top) * side, np.rint(2 * em * side))
                ):
                    part = value.astype(np.int64).clip(0, PARTS[number] - 1)
                    found[index, number, rows[:, None], columns] = part
    return found.reshape(len(layouts), len(PARTS), side * side)


def ink_of(layouts: Sequence[Layout], renderer: Renderer, side: int) -> NDArray[np.float32]:
    """How much of each of a place's 2x2 pixels is covered by letters, (n, side * side, INK), 0 to 1."""
    found = np.zeros((len(layouts), side * side, INK), np.float32)
    half = math.isqrt(INK)
    for index, layout in enumerate(layouts):
        letters = tuple(replace(one, colour="white") for one in layout.objects if one.concept.startswith("glyph/"))
        if letters:
            drawn = renderer.draw(Layout(letters, (0, 0, 0), (0, 0, 0), None), side * half)[..., 0]
            places = drawn.reshape(side, half, side, half).transpose(0, 2, 1, 3)
            found[index] = places.reshape(side * side, INK) / np.float32(255)
    return found
