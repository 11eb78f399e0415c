"""What metrics do with images that are no squares, in words: it stands in what a result tells of itself.

Networks see squares. What an image loses on its way there can be what a prompt asked for, so it is never left unsaid.
"""

from __future__ import annotations

OTHER_SHAPES = "other_shapes"
"""Key of a metric's provenance and of its result: how an image that is no square is looked at."""

MIDDLE = "the middle square is cut out; the ends of the longer side are not seen"
SQUASHED = "resized to a square: the shape is lost, nothing is cut off"
SHORTER = "the shorter side is resized, and the middle square cut out; the ends of the longer side are not seen"
WHOLE = "the whole image is seen, in its own shape"

OF_RECIPE = {"crop": MIDDLE, "squash": SQUASHED, "resize_then_crop": SHORTER}
"""By a `Recipe`'s `shape`."""
