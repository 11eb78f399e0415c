"""How two boxes in an image stand to each other: the relations of docs/suites.md, decided by geometry.

A box is (left, top, right, bottom) in fractions of the image's width and height, from the top left corner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Box = tuple[float, float, float, float]

TOUCH = 0.02
"""Boxes nearer than this part of the image touch: a detector's edges are no surer."""

MOSTLY = 0.5
"""More than this part of a box lies in another: "for the greater part"."""

ENCLOSED = 0.95
"""From this part on a box is enclosed by another."""

UNDECIDED: Mapping[str, str] = {
    "in front of": "boxes alone don't show which hides which",
    "behind": "boxes alone don't show which hides which",
}


def related(
    relation: str, subject: Box, object_: Box, subject_depth: float | None = None, object_depth: float | None = None
) -> bool | None:
    """Whether `subject` stands so to `object_`; None where it can't be told. `relation`: a spatial one of a scene.

    >>> related("left of", (0.0, 0.4, 0.2, 0.6), (0.5, 0.4, 0.9, 0.8))
    True
    """
    if relation in UNDECIDED:
        if subject_depth is None or object_depth is None:
            return None
        nearer = subject_depth < object_depth if relation == "in front of" else subject_depth > object_depth
        return nearer and overlap(subject, object_) > 0
    return _RELATIONS[relation](subject, object_)


def overlap(one: Box, other: Box) -> float:
    """Area that two boxes share, in parts of the image."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _inside(one: Box, other: Box, part: float) -> bool:
    """Whether more than `part` of `one` lies in `other`."""
    area = _area(one)
    return area > 0 and overlap(one, other) > part * area


def _gap(one: Box, other: Box, axis: int) -> float:
    """Distance of two boxes along an axis (0: across, 1: down); negative where they overlap."""
    return max(one[axis], other[axis]) - min(one[axis + 2], other[axis + 2])


def _middle(box: Box, axis: int) -> float:
    return (box[axis] + box[axis + 2]) / 2


def _left_of(one: Box, other: Box) -> bool:
    return _middle(one, 0) < _middle(other, 0)


def _above(one: Box, other: Box) -> bool:
    return _middle(one, 1) < _middle(other, 1)


def _on(one: Box, other: Box) -> bool:
    """Above it, and the two touch or overlap."""
    return _above(one, other) and _gap(one, other, 0) <= TOUCH and _gap(one, other, 1) <= TOUCH


def _beside(one: Box, other: Box) -> bool:
    """Next to each other, neither above the other: the heights overlap, the middles lie further apart across than down,
    and no more than the wider of the two would fit between them. One within the other is not beside it."""
    across, down = abs(_middle(one, 0) - _middle(other, 0)), abs(_middle(one, 1) - _middle(other, 1))
    near = _gap(one, other, 0) <= max(one[2] - one[0], other[2] - other[0])
    apart = not _inside(one, other, MOSTLY) and not _inside(other, one, MOSTLY)
    return near and apart and _gap(one, other, 1) < 0 and across > down


_RELATIONS: Mapping[str, Callable[[Box, Box], bool]] = {
    "left of": _left_of,
    "right of": lambda one, other: _left_of(other, one),
    "above": _above,
    "below": lambda one, other: _above(other, one),
    "on": _on,
    "inside": lambda one, other: _inside(one, other, MOSTLY),
    "beside": _beside,
    "around": lambda one, other: _inside(other, one, ENCLOSED - 1e-9) and _area(one) > _area(other),
    "larger than": lambda one, other: _area(one) > _area(other),
    "smaller than": lambda one, other: _area(one) < _area(other),
}
