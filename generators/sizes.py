"""Sizes of images, width x height in pixels, and the two ways in which generators take them.

A generator either names the squares that it makes (`GeneratorSpec.sizes`; its factory is given the side), or it has the
parameters `width` and `height`, and takes what its model takes. Others give images as they are (a folder). Whoever
asks for a size, and whoever tells one, goes through here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from common.numbers import shown, whole_or_none
from generators.contract import GeneratorError, GeneratorSpec, ParameterValue
from generators.registry import default_size

WIDTH, HEIGHT = "width", "height"
"""The parameters of a generator that takes images of any shape; 0 in both: its own."""

LARGEST = 16_384
"""Pixels a side."""


@dataclass(frozen=True, slots=True)
class Size:
    """An image's dimensions in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        """As people read it, everywhere."""
        return f"{self.width} x {self.height}"


def square(side: int) -> Size:
    """Both sides alike."""
    return Size(side, side)


def read_size(given: object) -> Size | None:
    """A size as people write it: "64" for a square, "1024x768", "1024 x 768", or 1024×768; None for "" and None.

    Raises:
        GeneratorError: it is none, or a side is not from 1 to `LARGEST`.
    """
    if given is None or given == "":
        return None
    match = re.fullmatch(r"([0-9]{1,6})(?:[x×X*]([0-9]{1,6}))?", "".join(str(given).split()))
    sides = [] if match is None else [int(side) for side in match.groups() if side is not None]
    if not sides or not all(1 <= side <= LARGEST for side in sides):
        raise GeneratorError(
            f"a size is a width and a height from 1 to {LARGEST:,} pixels, such as 1024x768, or one number for a "
            f"square; got {shown(given)}"
        )
    return Size(sides[0], sides[-1])


def takes_any_shape(spec: GeneratorSpec) -> bool:
    """Whether it takes width and height as parameters."""
    return not spec.sizes and {WIDTH, HEIGHT} <= {parameter.name for parameter in spec.parameters}


def asked_for(
    spec: GeneratorSpec, parameters: Mapping[str, object], size: Size | None
) -> tuple[dict[str, object], int]:
    """A size as this generator takes it: the parameters with it, and the side for its factory (0: none).

    Raises:
        GeneratorError: it makes no such size, or the parameters name another.
    """
    given = dict(parameters)
    if takes_any_shape(spec):
        if size is not None:
            for name, side in ((WIDTH, size.width), (HEIGHT, size.height)):
                if name in given and whole_or_none(given[name]) not in (side, 0):
                    raise GeneratorError(
                        f"the size {size} and the parameter {name}={shown(given[name])} differ: give one of them"
                    )
                given[name] = side
        return given, 0
    if size is None or not spec.sizes:
        return given, default_size(spec)
    if size.width != size.height or size.width not in spec.sizes:
        sizes = ", ".join(str(square(known)) for known in spec.sizes)
        raise GeneratorError(f"generator {spec.name} makes no images of {size} pixels. Its sizes: {sizes}.")
    return given, size.width


def drawn(parameters: Mapping[str, ParameterValue], side: int) -> Size | None:
    """The size of the images that resolved `parameters` and the factory's `side` ask for; None where they keep their
    own.

    Raises:
        GeneratorError: one of width and height is given, and not the other.
    """
    if side:
        return square(side)
    if not {WIDTH, HEIGHT} <= parameters.keys():
        return None
    width, height = (whole_or_none(parameters[name]) or 0 for name in (WIDTH, HEIGHT))
    check_sides(width, height)
    return Size(width, height) if width else None


def check_sides(width: int, height: int) -> None:
    """Both sides or neither (0: the generator's own).

    Raises:
        GeneratorError: one alone is given.
    """
    if (width == 0) != (height == 0):
        raise GeneratorError("give width and height together, or neither")


def side_of(spec: GeneratorSpec, size: Size | None) -> int:
    """What a run of this size gives to its generator's factory, and to its images' keys."""
    return size.width if spec.sizes and size is not None else 0
