"""Colour words: known colours, people's names that the table has not seen, things before a background."""

import numpy as np
import pytest
from matplotlib.colors import CSS4_COLORS
from numpy.typing import NDArray

from evaluation.metrics.prompts.colours import TERMS, colours_of, oklab, word, words
from generators.world.scenes.words import COLOURS


def rgb(value: str) -> tuple[int, int, int]:
    """ "#ff0000" as numbers."""
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


def test_oklab_meets_its_authors_values() -> None:
    """Ottosson's own pairs, by way of sRGB's primaries: https://bottosson.github.io/posts/oklab/."""
    for colour, expected in (
        ((1, 0, 0), (0.628, 0.225, 0.126)),
        ((0, 1, 0), (0.866, -0.234, 0.179)),
        ((0, 0, 1), (0.452, -0.032, -0.312)),
        ((0, 0, 0), (0, 0, 0)),
    ):
        assert np.allclose(oklab(np.array(colour, dtype=float)), expected, atol=1e-3)


def test_the_bundled_worlds_colours_have_their_own_words() -> None:
    assert {name: word(colour) for name, colour in COLOURS.items()} == {
        name: name.replace("gray", "grey") for name in COLOURS
    }


def test_css_names_that_end_in_a_basic_term_mostly_get_it() -> None:
    """CSS's names were given by X11's authors, the table's by the public: they differ on greenish greys."""
    asked = {
        name: term
        for name in CSS4_COLORS
        for term in TERMS
        if name.replace("gray", "grey").endswith(term) and name not in ("aliceblue", "brown", "navajowhite")
    }
    right = [name for name, term in asked.items() if word(rgb(str(CSS4_COLORS[name]))) == term]
    assert len(asked) == 74 and len(right) >= 62


def test_the_quick_table_agrees_with_the_exact_word() -> None:
    random = np.random.default_rng(0).integers(0, 256, (400, 3), dtype=np.uint8)
    exact = [word((int(r), int(g), int(b))) for r, g, b in random]
    quick = [TERMS[place] for place in words(random)]
    assert np.mean([a == b for a, b in zip(exact, quick, strict=True)]) > 0.93


def disc(background: tuple[int, int, int], *rings: tuple[tuple[int, int, int], float]) -> NDArray[np.uint8]:
    """100 x 100 pixels of background with discs around the middle, each of a radius (in pixels), the largest first."""
    y, x = np.mgrid[0:100, 0:100]
    image = np.full((100, 100, 3), background, dtype=np.uint8)
    for colour, radius in rings:
        image[(x - 49.5) ** 2 + (y - 49.5) ** 2 <= radius**2] = colour
    return image


RED, GREEN, BLUE, WHITE, BLACK = (220, 30, 30), (40, 150, 50), (40, 80, 220), (250, 250, 250), (10, 10, 10)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (disc(GREEN, (RED, 30)), ("red",)),
        (disc(WHITE, (RED, 20)), ("red",)),  # half of the box is background, which the frame takes off
        (disc(RED, (RED, 30)), ("red",)),  # a thing of its background's colour
        (disc(GREEN, (BLACK, 30), (WHITE, 21)), ("black", "white")),
        (disc(GREEN, (RED, 30), (BLUE, 12)), ("red",)),  # a spot of a sixth is no colour of the thing
    ],
)
def test_the_thing_in_a_box_has_its_own_colours(image: NDArray[np.uint8], expected: tuple[str, ...]) -> None:
    assert set(colours_of(image, (0.2, 0.2, 0.8, 0.8))) == set(expected)


def test_boxes_at_the_edge_and_beyond() -> None:
    image = disc(GREEN, (RED, 30))
    assert colours_of(image, (0.0, 0.0, 1.0, 1.0))[0] == "green"  # no frame: what most of it is
    assert colours_of(image, (-0.5, -0.5, 0.1, 0.1)) == ("green",)
    assert colours_of(image, (0.3, 0.3, 0.3, 0.9)) == ()
    assert colours_of(image[:1, :1], (0, 0, 1, 1)) == ("green",)
