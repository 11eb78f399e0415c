"""Where things stand: squares in units of the picture's side, so that one layout renders at any size.

`lay_out` turns a scene into a list of drawings from back to front. Drawings fill their squares by their longer side
(`drawings.csv` has both), so things on one another touch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from generators.world.scenes.concepts import concept
from generators.world.scenes.drawings import DRAWINGS, WHOLE
from generators.world.scenes.grounds import Rgb, ground_of, place_key
from generators.world.scenes.lettering import GRID, SNAP, Box, grid_letters, letters, snapped
from generators.world.scenes.roles import BOARDS, HEADS, HEADWEAR
from generators.world.scenes.truth import Pattern, Scene, Thing
from generators.world.scenes.words import PLACES

ONE_WAY = ("stop sign", "clock", "map", "computer", *BOARDS)
"""Never drawn mirrored: they carry words or a fixed order."""

TOUCHING = ("on", "under", "riding", "inside", "wearing")
"""Relations of things that would come apart if each were moved by itself."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One object: the centre and side of its square in units of the picture's side, y downwards.

    `drawing`: which of the concept's drawings. `flip`: mirrored left to right. `thing`: its place in the scene's
    things; -1 for a letter of a sign, whose concept is then `lettering.glyph_key`.
    """

    concept: str
    colour: str | None
    x: float
    y: float
    side: float
    drawing: int = 0
    flip: bool = False
    pattern: Pattern | None = None
    second_colour: str | None = None
    thing: int = 0

    @property
    def key(self) -> str:
        """The drawing's name in the sprites."""
        return self.concept if self.drawing == 0 else f"{self.concept}#{self.drawing}"


@dataclass(frozen=True, slots=True)
class Layout:
    """A scene with its places: objects from back to front.

    `top`, `bottom`: the background's colours; `horizon`: y of the step between them, None to blend. `place`: the
    drawing that lies over both, if the sprites have it.
    """

    objects: tuple[Placed, ...]
    top: Rgb
    bottom: Rgb
    horizon: float | None
    place: Placed | None = None


def extent(placed: Placed) -> tuple[float, float]:
    """Width and height of the visible part, in units of the picture's side."""
    width, height = DRAWINGS.get(placed.key, WHOLE).extent
    return width * placed.side, height * placed.side


def lay_out(scene: Scene, rng: np.random.Generator, *, shrink: float = 1.0, steady: bool = False) -> Layout:
    """A layout of the scene that its caption is true of. `shrink`: sides are multiplied by it. `steady`: what
    may stand in any order stands as the caption names it, so many of a kind always in the same rows, nothing is
    mirrored and, but for what touches, all is of few sizes and on whole patches of the base; a sign in the middle with
    letters of one kind and few sizes.
    """
    if scene.sign is not None:
        objects = _written(scene, rng, shrink, steady=steady)
    elif scene.relation in _ARRANGED:
        objects = _ARRANGED[scene.relation](scene, rng, shrink)
    elif len(scene.things) == 1 or any(thing.count > 1 for thing in scene.things) or len(scene.things) > 2:
        objects = _grouped(scene, rng, shrink, steady=steady)
    else:
        objects = _side_by_side(scene, rng, shrink, steady=steady)
    if steady:
        touching = scene.sign is not None or scene.relation in TOUCHING
        objects = [replace(one, flip=False) if touching else settled(one) for one in objects]
    top, bottom, horizon = ground_of(scene, rng)
    return Layout(tuple(objects), top, bottom, horizon, _place(scene, rng))


def settled(placed: Placed) -> Placed:
    """It, not mirrored, its square of the next smaller of few sizes and begun at even pixels of the base's picture: cut
    into patches of 2x2 in one way, so that a thing of a size is one picture to learn, wherever it stands.
    """
    pixels = placed.side * GRID
    step = 2 * SNAP if pixels >= 8 * SNAP else SNAP
    side = max(SNAP, math.floor(pixels / step + 1e-6) * step)
    x, y = ((snapped(at * GRID - side / 2) + side / 2) / GRID for at in (placed.x, placed.y))
    return replace(placed, x=x, y=y, side=side / GRID, flip=False)


def _place(scene: Scene, rng: np.random.Generator) -> Placed | None:
    """The place's drawing, a little enlarged and moved, so that it covers the picture."""
    if scene.background not in PLACES:
        return None
    side = float(rng.uniform(1.0, 1.15))
    x, y = (0.5 + float(rng.uniform(-0.5, 0.5)) * (side - 1) for _ in range(2))
    return Placed(place_key(scene.background), None, x, y, side, flip=bool(rng.random() < 0.5), thing=-1)


def _look(thing: Thing, index: int, rng: np.random.Generator, *, drawing: int | None = None) -> Placed:
    """The thing at no place yet, in one of its drawings."""
    drawings = len(concept(thing.concept).drawings)
    if drawing is None:
        drawing = thing.drawing
    if drawing is None:
        drawing = int(rng.random() * drawings) if drawings > 1 else 0
    flip = thing.concept not in ONE_WAY and rng.random() < 0.5
    return Placed(thing.concept, thing.colour, 0.5, 0.5, 0.5, drawing, flip, thing.pattern, thing.second_colour, index)


def _side(thing: Thing, rng: np.random.Generator, low: float, high: float) -> float:
    """A side in the range, or what its size word asks for."""
    if thing.size == "small":
        low, high = 0.19, 0.25
    elif thing.size == "large":
        low, high = 0.54, 0.62
    return float(rng.uniform(low, high))


def _grouped(scene: Scene, rng: np.random.Generator, shrink: float, *, steady: bool) -> list[Placed]:
    """Each thing's objects in a part of the picture of their own; one thing has it all."""
    things = scene.things
    order = np.arange(len(things)) if steady else rng.permutation(len(things))
    # Room by the number of objects, a little more for few, which would otherwise be larger than the others.
    room = np.array([things[index].count ** 0.75 for index in order])
    edges = np.concatenate(([0.0], np.cumsum(room / room.sum())))
    across = steady or rng.random() < 0.5
    objects: list[Placed] = []
    for at, index in enumerate(order.tolist()):
        low, high = float(edges[at]), float(edges[at + 1])
        box = Box(low, 0.02, high, 0.98) if across else Box(0.02, low, 0.98, high)
        whole = Box(0.01, 0.01, 0.99, 0.99) if len(things) == 1 else box
        objects += _filled(things[index], index, whole, rng, shrink, steady=steady)
    return objects


def _filled(
    thing: Thing, index: int, box: Box, rng: np.random.Generator, shrink: float, *, steady: bool
) -> list[Placed]:
    """`thing.count` objects in rows that fill the box, apart from one another."""
    look = _look(thing, index, rng)
    wide, high = box.right - box.left, box.bottom - box.top
    sides = {rows: min(high / rows, wide / -(-thing.count // rows)) for rows in range(1, thing.count + 1)}
    best = max(sides.values())
    fair = [rows for rows, side in sides.items() if side >= (1 if steady else 0.8) * best]
    rows = fair[0 if steady else int(rng.random() * len(fair))]
    cell = sides[rows]
    if thing.count == 1:
        side = _side(thing, rng, 0.62, 0.82) * shrink
        slack = max(0.0, cell - side) / 2
        side = min(side, cell * 0.9)
    else:
        side = min(cell * float(rng.uniform(0.74, 0.9)), 0.48) * shrink
        slack = (cell - side) / 2
    counts = [thing.count // rows + (row < thing.count % rows) for row in range(rows)]
    if not steady and rng.random() < 0.5:
        counts.reverse()
    objects = []
    for row, columns in enumerate(counts):
        for column in range(columns):
            dx, dy = rng.uniform(-slack, slack, 2) * 0.8
            x = box.left + wide * (column + 0.5) / columns + float(dx)
            y = box.top + high * (row + 0.5) / rows + float(dy)
            objects.append(replace(look, x=x, y=y, side=side))
    return objects


def _side_by_side(scene: Scene, rng: np.random.Generator, shrink: float, *, steady: bool) -> list[Placed]:
    """Two things left and right, either way where the scene does not say."""
    first, second = (_look(thing, index, rng) for index, thing in enumerate(scene.things))
    sides = [_side(thing, rng, 0.38, 0.46) * shrink for thing in scene.things]
    leftmost = scene.relation == "left" or (scene.relation != "right" and (steady or rng.random() < 0.5))
    split = sides[0] / (sides[0] + sides[1])
    at = (split / 2, (1 + split) / 2) if leftmost else (1 - split / 2, (1 - split) / 2)
    placed = []
    for look, x, side in zip((first, second), at, sides, strict=True):
        dx, dy = rng.uniform(-0.02, 0.02), rng.uniform(-0.05, 0.05)
        placed.append(replace(look, x=x + float(dx), y=0.5 + float(dy), side=side))
    return placed


def _over(scene: Scene, rng: np.random.Generator, shrink: float) -> list[Placed]:
    """One above the other, with room between them."""
    looks = [_look(thing, index, rng) for index, thing in enumerate(scene.things)]
    if scene.relation == "below":
        looks.reverse()
    placed = []
    for look, y in zip(looks, (0.26, 0.74), strict=True):
        side = _side(scene.things[look.thing], rng, 0.36, 0.44) * shrink
        dx, dy = rng.uniform(-0.05, 0.05), rng.uniform(-0.015, 0.015)
        placed.append(replace(look, x=0.5 + float(dx), y=y + float(dy), side=side))
    return placed


def _piled(scene: Scene, rng: np.random.Generator, shrink: float, *, overlap: float = 0.06) -> list[Placed]:
    """Each on the next, touching: `overlap` is the share of the lower one's height that the upper one covers."""
    same = len({thing.concept for thing in scene.things}) == 1
    first = _look(scene.things[0], 0, rng)
    looks = [
        _look(thing, index, rng, drawing=first.drawing if same else None) for index, thing in enumerate(scene.things)
    ]
    if scene.relation == "under":
        looks.reverse()
    common = float(rng.uniform(0.42, 0.52)) if len(looks) == 2 else float(rng.uniform(0.36, 0.5))
    looks = [replace(look, side=_side(scene.things[look.thing], rng, common * 0.92, common) * shrink) for look in looks]
    heights = [extent(look)[1] for look in looks]
    tall = sum(heights) - sum(overlap * height for height in heights[1:])
    scale = min(1.0, 0.95 / tall)
    y = 0.5 - tall * scale / 2 + float(rng.uniform(-1, 1)) * (0.96 - tall * scale) * 0.3
    x = 0.5 + float(rng.uniform(-0.05, 0.05))
    placed = []
    for index, (look, height) in enumerate(zip(looks, heights, strict=True)):
        if index:
            y -= overlap * height * scale
        dx = float(rng.uniform(-0.025, 0.025))
        placed.append(replace(look, x=x + dx, y=y + height * scale / 2, side=look.side * scale))
        y += height * scale
    return placed[::-1]  # what lies lower is drawn first


def _ridden(scene: Scene, rng: np.random.Generator, shrink: float) -> list[Placed]:
    return _piled(scene, rng, shrink, overlap=0.38)


def _before(scene: Scene, rng: np.random.Generator, shrink: float) -> list[Placed]:
    """One partly hidden by the other, which stands lower and to a side."""
    looks = [_look(thing, index, rng) for index, thing in enumerate(scene.things)]
    if scene.relation == "behind":
        looks.reverse()
    front, back = looks
    front_side = _side(scene.things[front.thing], rng, 0.36, 0.44) * shrink
    back_side = _side(scene.things[back.thing], rng, 0.54, 0.62) * shrink
    back = replace(
        back, x=0.5 + float(rng.uniform(-0.06, 0.06)), y=0.4 + float(rng.uniform(-0.03, 0.03)), side=back_side
    )
    away = float(rng.uniform(0.6, 0.95)) * extent(back)[0] / 2 * (1 if rng.random() < 0.5 else -1)
    foot = back.y + extent(back)[1] / 2 + 0.06
    front = replace(front, side=front_side)
    y = min(foot - extent(front)[1] / 2, 0.98 - extent(front)[1] / 2)
    half = front_side / 2
    return [back, replace(front, x=min(max(back.x + away, half), 1 - half), y=y)]


def _looking_out(scene: Scene, rng: np.random.Generator, shrink: float) -> list[Placed]:
    """The first looks out of the second."""
    held, holder = (_look(thing, index, rng) for index, thing in enumerate(scene.things))
    holder = replace(holder, x=0.5 + float(rng.uniform(-0.05, 0.05)), side=float(rng.uniform(0.54, 0.6)) * shrink)
    width, height = extent(holder)
    held = replace(held, side=float(rng.uniform(0.36, 0.42)) * shrink)
    holder = replace(holder, y=0.95 - height / 2 - float(rng.uniform(0, 0.04)))
    rim = holder.y - height / 2
    sunk = 0.35 * extent(held)[1]
    return [
        replace(held, x=holder.x + float(rng.uniform(-0.1, 0.1)) * width, y=rim + sunk - extent(held)[1] / 2),
        holder,
    ]


def _worn(scene: Scene, rng: np.random.Generator, shrink: float) -> list[Placed]:
    """The second on the head of the first."""
    wearer, worn = (_look(thing, index, rng, drawing=0) for index, thing in enumerate(scene.things))
    side = float(rng.uniform(0.6, 0.7)) * shrink
    wearer = replace(wearer, x=0.5 + float(rng.uniform(-0.05, 0.05)), y=0.62, side=side, flip=False)
    x, y, width = HEADS[wearer.concept]
    worn = replace(worn, flip=False)
    wide, high = DRAWINGS.get(worn.key, WHOLE).extent
    worn_side = width * side / wide
    brim = wearer.y + (y - 0.5) * side
    lift = (HEADWEAR[worn.concept] - 0.5) * high * worn_side
    return [wearer, replace(worn, x=wearer.x + (x - 0.5) * side, y=brim - lift, side=worn_side)]


def _written(scene: Scene, rng: np.random.Generator, shrink: float, *, steady: bool) -> list[Placed]:
    """The first thing large, in its own drawing that has room for words, and the words on it."""
    assert scene.sign is not None
    thing = scene.things[0]
    own = [at for at, (source, _) in enumerate(concept(thing.concept).drawings) if source == "own"]
    side = (0.94 if steady else float(rng.uniform(0.84, 0.97))) * shrink
    x, y = (0.5 if steady else 0.5 + float(rng.uniform(-1, 1)) * max(0.0, 0.98 - side) / 2 for _ in range(2))
    carrier = replace(_look(thing, 0, rng, drawing=own[-1] if own else 0), x=x, y=y, side=side, flip=False)
    board = BOARDS[thing.concept]
    left, top = x - side / 2, y - side / 2
    box = Box(left + board.left * side, top + board.top * side, left + board.right * side, top + board.bottom * side)
    return [carrier] + [
        Placed(key, scene.sign.ink, at_x, at_y, letter_side, thing=-1)
        for key, at_x, at_y, letter_side in (
            grid_letters(scene.sign.text, box) if steady else letters(scene.sign.text, box, rng)
        )
    ]


_ARRANGED: dict[str | None, Callable[[Scene, np.random.Generator, float], list[Placed]]] = {
    "above": _over,
    "below": _over,
    "on": _piled,
    "under": _piled,
    "riding": _ridden,
    "in front of": _before,
    "behind": _before,
    "inside": _looking_out,
    "wearing": _worn,
}
