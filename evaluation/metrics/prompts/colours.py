"""Pixels to colour words, and the words for the thing in a box: pure.

The words are English's eleven basic colour terms (Berlin and Kay 1969). A pixel has the word of its nearest neighbours
among the colours that people named in the xkcd survey (Munroe 2010, 949 names by some 140,000 people, public domain;
matplotlib carries it), by distance in Oklab (Ottosson 2020), a space in which equal distances look about equally
large. A metal's gold and silver are no colour of a pixel: `detections.ACCEPTED` says what passes for them.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from evaluation.metrics.prompts.relations import Box

TERMS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey")

ENOUGH = 0.25
"""A thing may be called by every colour that so much of it has, and by the one that most of it has."""

_NEIGHBOURS = 5
_STEPS = 32
"""Levels a channel of the table of words: 8 grey levels a step."""

_ALIASES = {"gray": "grey", "violet": "purple", "magenta": "pink"}

_ENDS = {
    "black": ("#000000", "#0a0a0a", "#141414", "#1c1c1c", "#101018", "#181010", "#0c1410"),
    "white": ("#ffffff", "#fafafa", "#f4f4f4", "#eeeeee", "#f8f8f0", "#f0f0f8"),
    "grey": ("#404040", "#585858", "#707070", "#888888", "#a0a0a0", "#b8b8b8", "#cccccc"),
}
"""The achromatic axis, of which people named few points."""


def oklab(rgb: NDArray[np.floating]) -> NDArray[np.float64]:
    """sRGB in 0..1, (..., 3), to Oklab (L, a, b).

    >>> [round(float(x), 3) for x in oklab(np.array([1.0, 1.0, 1.0]))]
    [1.0, 0.0, 0.0]
    """
    values = np.asarray(rgb, dtype=np.float64)
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ _TO_CONES.T)
    return np.asarray(np.round(cones @ _TO_LAB.T, 9) + 0.0)


def words(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Place in TERMS of the word for each pixel; (..., 3) of uint8 to (...)."""
    steps = pixels.astype(np.intp) * _STEPS // 256
    return _table()[steps[..., 0], steps[..., 1], steps[..., 2]]


def word(rgb: tuple[int, int, int]) -> str:
    """The word for one colour.

    >>> word((255, 0, 0)), word((128, 64, 0)), word((255, 192, 203))
    ('red', 'brown', 'pink')
    """
    return TERMS[int(_nearest(np.array([rgb]) / 255)[0])]


def colours_of(image: NDArray[np.uint8], box: Box) -> tuple[str, ...]:
    """What the thing in `box` may be called by its pixels, the main colour first. `image`: (height, width, 3), RGB.

    A box also holds background. What counts is the ellipse in it (a thing's corners are mostly not its own), each
    colour less its share of the frame around the box; where the frame leaves nothing, or there is none, the ellipse as
    it is. Empty for a box without a pixel.
    """
    height, width = image.shape[:2]
    left, right = (int(np.clip(round(side * width), 0, width)) for side in (box[0], box[2]))
    top, bottom = (int(np.clip(round(side * height), 0, height)) for side in (box[1], box[3]))
    if right <= left or bottom <= top:
        return ()
    inside = words(image[top:bottom, left:right])
    y, x = np.mgrid[0 : bottom - top, 0 : right - left]
    ellipse = ((x + 0.5) / (right - left) * 2 - 1) ** 2 + ((y + 0.5) / (bottom - top) * 2 - 1) ** 2 <= 1
    own = _shares(inside[ellipse] if ellipse.any() else inside.reshape(-1))
    frame = _frame(image, left, top, right, bottom)
    if frame.size:
        # The frame's colours fill the ellipse at most to the part that the thing leaves free, taken as all they have.
        around = _shares(words(frame))
        rest = np.where(around > 0.1, np.maximum(own - around, 0.0), own)
        if rest.sum() > 0.15:
            own = rest / rest.sum()
    order = np.argsort(-own, kind="stable")
    return tuple(TERMS[place] for rank, place in enumerate(order) if own[place] >= ENOUGH or rank == 0)


def _frame(image: NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
    """The pixels around a box, an eighth of its size wide, as far as the image has them: (n, 3)."""
    height, width = image.shape[:2]
    across, down = max(2, (right - left) // 8), max(2, (bottom - top) // 8)
    x0, x1, y0, y1 = max(left - across, 0), min(right + across, width), max(top - down, 0), min(bottom + down, height)
    mask = np.ones((y1 - y0, x1 - x0), dtype=bool)
    mask[top - y0 : bottom - y0, left - x0 : right - x0] = False
    return image[y0:y1, x0:x1][mask]


def _shares(places: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.bincount(places.reshape(-1), minlength=len(TERMS)) / max(places.size, 1)


@functools.cache
def _table() -> NDArray[np.intp]:
    """The word in the middle of each cell of the cube of colours."""
    middle = (np.arange(_STEPS) + 0.5) / _STEPS
    cube = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1).reshape(-1, 3)
    return _nearest(cube).reshape(_STEPS, _STEPS, _STEPS)


def _nearest(rgb: NDArray[np.floating]) -> NDArray[np.intp]:
    """The word of each colour (n, 3): the nearest named ones vote, nearer ones with more weight."""
    places, terms = _named()
    distance, near = places.query(oklab(rgb), k=_NEIGHBOURS)
    votes = np.zeros((len(rgb), len(TERMS)))
    for rank in range(_NEIGHBOURS):
        votes[np.arange(len(rgb)), terms[near[:, rank]]] += 1 / (distance[:, rank] + 0.005)
    return votes.argmax(axis=1)


@functools.cache
def _named() -> tuple[KDTree, NDArray[np.intp]]:
    """The named colours by their places in Oklab, and the place in TERMS of the basic term in which each name ends."""
    from matplotlib.colors import XKCD_COLORS

    colours, terms = [], []
    for name, value in XKCD_COLORS.items():
        term = _term(name.removeprefix("xkcd:"))
        if term:
            colours.append(str(value))
            terms.append(TERMS.index(term))
    for term, values in _ENDS.items():
        colours += values
        terms += [TERMS.index(term)] * len(values)
    rgb = np.array([[int(value[i : i + 2], 16) for i in (1, 3, 5)] for value in colours]) / 255
    return KDTree(oklab(rgb)), np.array(terms)


def _term(name: str) -> str:
    """The basic term that a name ends with ("dark olive green" is a green), or none. "blue/green" is neither."""
    if "/" in name:
        return ""
    last = name.rpartition(" ")[2]
    last = _ALIASES.get(last, last)
    return last if last in TERMS else ""


_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
