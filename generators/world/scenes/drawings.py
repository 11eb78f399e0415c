"""What is known of each drawing without its pixels: how much of its square it fills, and its own colours.

`drawings.csv` is made with the sprites (`generators.world.sprites --drawings`).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from generators.world.scenes.concepts import concept

DRAWINGS_TABLE = Path(__file__).with_name("drawings.csv")


@dataclass(frozen=True, slots=True)
class Drawing:
    """`extent`: width and height of what is visible, as shares of the square; the longer fills it but for a margin.
    `colours`: the named colours nearest to most of it, the commonest first."""

    extent: tuple[float, float]
    colours: tuple[str, ...] = ()


WHOLE = Drawing((1.0, 1.0))
"""What is taken of a drawing beyond the table."""


def read_drawings(path: Path = DRAWINGS_TABLE) -> dict[str, Drawing]:
    """Name (`cat`, the second drawing `cat#1`) -> drawing."""
    with path.open(newline="", encoding="utf-8") as held:
        return {
            row["drawing"]: Drawing((float(row["width"]), float(row["height"])), tuple(row["colours"].split("|")))
            for row in csv.DictReader(held)
        }


DRAWINGS: Mapping[str, Drawing] = read_drawings()


def drawing_key(name: str, index: int) -> str:
    """The name of a concept's drawing number `index`."""
    return name if index == 0 else f"{name}#{index}"


@lru_cache(maxsize=4096)
def natural_colours(name: str) -> frozenset[str]:
    """The colours of a concept's drawings as they are: a ground of that colour would hide one of them."""
    keys = (drawing_key(name, index) for index in range(max(1, len(concept(name).drawings))))
    return frozenset(colour for key in keys for colour in DRAWINGS.get(key, WHOLE).colours)
