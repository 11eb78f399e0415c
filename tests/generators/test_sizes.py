"""Sizes: how people write them, how a generator takes them, and what a run then says."""

from __future__ import annotations

import pytest

from generators import registry
from generators.contract import GeneratorError, GeneratorSpec, Parameter
from generators.sizes import Size, asked_for, drawn, read_size, side_of, square

SQUARES = GeneratorSpec("squares", "", "x:y", sizes=(64, 256))
ANY = GeneratorSpec("any", "", "x:y", (Parameter("width", "", 0, low=0), Parameter("height", "", 0, low=0)))
OWN = GeneratorSpec("own", "", "x:y")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64", square(64)),
        ("1024x768", Size(1024, 768)),
        (" 1024 × 768 ", Size(1024, 768)),
        ("1024X768", Size(1024, 768)),
        ("", None),
        (None, None),
    ],
)
def test_a_size_as_people_write_it(text: str | None, size: Size | None) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["0", "64x", "x64", "64x0", "16385", "64x64x64", "-64", "64.5", "big", "٦٤"])
def test_what_is_no_size_is_refused_by_one_sentence(text: str) -> None:
    with pytest.raises(GeneratorError, match="a width and a height from 1 to 16,384 pixels, such as 1024x768"):
        read_size(text)


def test_a_generator_of_squares_is_given_the_side() -> None:
    assert asked_for(SQUARES, {}, square(64)) == ({}, 64)
    assert asked_for(SQUARES, {}, None) == ({}, 256)
    for size in (square(32), Size(64, 256)):
        with pytest.raises(GeneratorError, match=f"no images of {size} pixels. Its sizes: 64 x 64, 256 x 256"):
            asked_for(SQUARES, {}, size)


def test_a_generator_of_any_shape_is_given_both_sides_as_parameters() -> None:
    given, side = asked_for(ANY, {}, Size(48, 32))
    assert (given, side) == ({"width": 48, "height": 32}, 0)
    assert drawn(ANY.resolve(given), side) == Size(48, 32) and side_of(ANY, Size(48, 32)) == 0
    assert asked_for(ANY, {"width": "48", "height": "32"}, Size(48, 32))[0] == {"width": 48, "height": 32}
    with pytest.raises(GeneratorError, match="the size 48 x 32 and the parameter width=64 differ"):
        asked_for(ANY, {"width": 64}, Size(48, 32))


def test_one_side_alone_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(GeneratorError, match="width and height together"):
        drawn(ANY.resolve({"width": 48}), 0)


def test_images_of_their_own_sizes() -> None:
    assert asked_for(OWN, {}, square(64)) == ({}, 0)
    assert drawn({}, 0) is None and drawn({"width": 0, "height": 0}, 0) is None and drawn({"width": 5}, 0) is None


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_every_generator_takes_a_size_in_one_of_the_ways(name: str) -> None:
    spec = registry.get_spec(name)
    has = {"width", "height"} & {parameter.name for parameter in spec.parameters}
    assert not (spec.sizes and has) and len(has) in (0, 2)
