"""What some things can do in a picture: hold others, wear hats, carry words. In units of the side, y down."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Board:
    """Where words go on a thing's own drawing: a box, and the inks that can be read on it."""

    left: float
    top: float
    right: float
    bottom: float
    inks: tuple[str, ...]
    fields: tuple[str | None, ...]
    """Colours that the thing may have then; None as it is drawn."""


DARK = ("black", "blue", "red", "green", "brown", "purple")

BOARDS: dict[str, Board] = {
    "sign": Board(0.1, 0.13, 0.9, 0.62, DARK, (None, None, "white", "yellow")),
    "storefront": Board(0.06, 0.1, 0.94, 0.4, DARK, (None,)),
    "blackboard": Board(0.08, 0.16, 0.92, 0.78, ("white", "white", "yellow", "pink"), (None,)),
    "t-shirt": Board(0.25, 0.3, 0.75, 0.66, DARK, (None, "white", "yellow")),
    "birthday cake": Board(0.1, 0.46, 0.9, 0.82, DARK, (None,)),
    "book": Board(0.2, 0.16, 0.86, 0.7, ("white", "yellow"), ("red", "blue", "green", "brown", "black")),
}
"""The word carriers."""

CONTAINERS = ("box", "basket", "bowl", "bucket", "pot", "cup", "teacup")
"""What other things can sit in: drawn before them, it hides their lower part."""

HEADS: dict[str, tuple[float, float, float]] = {
    "panda": (0.5, 0.14, 0.62),
    "bear": (0.5, 0.14, 0.62),
    "lion": (0.5, 0.12, 0.62),
    "frog": (0.5, 0.2, 0.62),
    "robot": (0.5, 0.2, 0.6),
    "snowman": (0.5, 0.16, 0.5),
    "ghost": (0.5, 0.1, 0.6),
    "owl": (0.5, 0.08, 0.55),
    "penguin": (0.5, 0.08, 0.45),
    "teddy bear": (0.5, 0.1, 0.5),
}
"""Who can wear something on the head: the middle of its top, and the width of what is worn."""

HEADWEAR: dict[str, float] = {"hat": 0.9, "cap": 0.8, "crown": 0.85}
"""What is worn there, and where its brim is, down from its top."""

RIDERS = ("animal", "person")
MOUNTS = (
    "bicycle", "motorcycle", "skateboard", "surfboard", "horse", "elephant", "camel", "donkey", "giraffe", "zebra",
    "cow", "whale", "turtle", "dolphin", "pig", "sheep", "dog", "bear",
)  # fmt: skip
"""Who rides, by kind, and on what."""
