"""Layouts are true of their scenes: how many, where, how large, which before which, and words inside their boards."""

import numpy as np
import pytest

from generators.world.scenes.captions import Scene, Sign, Thing, sample_scene
from generators.world.scenes.concepts import CONCEPTS
from generators.world.scenes.layout import TOUCHING, Layout, Placed, extent, lay_out
from generators.world.scenes.lettering import (
    BASELINE,
    CAPITAL,
    CELL,
    CHARACTERS,
    FONTS,
    GRID,
    PEN,
    PITCHES,
    SNAP,
    Box,
    advances,
    grid_letters,
    letters,
)
from generators.world.scenes.roles import BOARDS, CONTAINERS, HEADS, HEADWEAR, MOUNTS
from generators.world.scenes.truth import Relation
from generators.world.scenes.words import PLACES

NAMES = tuple(CONCEPTS)
STEADY = pytest.mark.parametrize("steady", [False, True], ids=["free", "steady"])
EDGE = 0.04
"""How far a square's corner may lie outside the picture: what is visible is smaller than its square."""


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pair(
    relation: Relation | None, seed: int, one: str = "apple", other: str = "car", *, steady: bool = False
) -> tuple[Placed, Placed]:
    """The first and the second thing, whatever the order of drawing."""
    objects = lay_out(Scene((Thing(one), Thing(other)), "", relation), rng(seed), steady=steady).objects
    first, second = sorted(objects, key=lambda placed: placed.thing)
    return first, second


def box(placed: Placed) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what is visible."""
    wide, high = extent(placed)
    return placed.x - wide / 2, placed.y - high / 2, placed.x + wide / 2, placed.y + high / 2


def overlap(one: Placed, other: Placed) -> float:
    """Area of both, as a share of the smaller."""
    a, b = box(one), box(other)
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    areas = [extent(placed)[0] * extent(placed)[1] for placed in (one, other)]
    return max(0.0, wide) * max(0.0, high) / min(areas)


@STEADY
@pytest.mark.parametrize("relation", ["left", "right", "above", "below"])
def test_directions_hold_and_nothing_touches(relation: Relation, steady: bool) -> None:
    for seed in range(30):
        first, second = pair(relation, seed, steady=steady)
        dx, dy = second.x - first.x, second.y - first.y
        along = {"left": dx, "right": -dx, "above": dy, "below": -dy}[relation]
        across = dy if relation in ("left", "right") else dx
        assert along > 0.3 and abs(across) < 0.15
        assert overlap(first, second) < 0.02


def test_two_without_a_relation_stand_either_way() -> None:
    ways = {first.x < second.x for first, second in (pair(None, seed) for seed in range(40))}
    assert ways == {True, False}


@STEADY
@pytest.mark.parametrize("relation", ["on", "under", "riding"])
def test_what_is_on_something_rests_on_it(relation: Relation, steady: bool) -> None:
    for seed in range(30):
        first, second = pair(relation, seed, "cat", "box", steady=steady)
        upper, lower = (second, first) if relation == "under" else (first, second)
        foot, rim = box(upper)[3], box(lower)[1]
        assert 0 <= foot - rim < 0.45 * extent(lower)[1] + 1e-9
        assert upper.y < lower.y and abs(upper.x - lower.x) < 0.12


def test_a_stack_has_its_order_from_top_to_bottom() -> None:
    colours = ("red", "green", "blue")
    for seed in range(20):
        objects = lay_out(Scene(tuple(Thing("book", colour) for colour in colours), "", "on"), rng(seed)).objects
        top_down = sorted(objects, key=lambda placed: placed.y)
        assert [placed.colour for placed in top_down] == list(colours)
        assert len({placed.drawing for placed in objects}) == 1
        assert objects[-1].colour == "red"  # the upper one is drawn over what it stands on


@STEADY
@pytest.mark.parametrize("relation", ["in front of", "behind"])
def test_what_is_behind_is_covered_in_part(relation: Relation, steady: bool) -> None:
    for seed in range(40):
        scene = Scene((Thing("owl"), Thing("lamp")), "", relation)
        back, front = lay_out(scene, rng(seed), steady=steady).objects
        assert back.thing == (0 if relation == "behind" else 1)
        assert 0.02 < overlap(back, front) < 0.95
        hidden = overlap(back, front) * min(a * b for a, b in (extent(back), extent(front)))
        assert hidden < 0.65 * extent(back)[0] * extent(back)[1]
        assert front.y > back.y


@pytest.mark.parametrize("holder", CONTAINERS)
def test_what_is_inside_looks_out(holder: str) -> None:
    for seed in range(10):
        held, around = lay_out(Scene((Thing("frog"), Thing(holder)), "", "inside"), rng(seed)).objects
        assert around.concept == holder  # drawn last, it hides the lower part
        assert box(held)[1] < box(around)[1] < box(held)[3] < box(around)[3]
        assert box(around)[0] < held.x < box(around)[2]


@pytest.mark.parametrize("wearer", HEADS)
@pytest.mark.parametrize("worn", HEADWEAR)
def test_headwear_sits_on_the_head_and_in_the_picture(wearer: str, worn: str) -> None:
    for seed in range(10):
        head, hat = lay_out(Scene((Thing(wearer), Thing(worn, "red")), "", "wearing"), rng(seed)).objects
        assert hat.concept == worn and overlap(head, hat) > 0.02
        assert hat.y < head.y and abs(hat.x - head.x) < 0.1
        assert box(hat)[1] > -0.12


@STEADY
@pytest.mark.parametrize("count", range(1, 11))
def test_counted_objects_are_all_there_apart_and_alike(count: int, steady: bool) -> None:
    for seed in range(20):
        placed = lay_out(Scene((Thing("apple", None, count),), ""), rng(seed), steady=steady).objects
        assert len(placed) == count
        assert len({(one.drawing, one.side, one.flip) for one in placed}) == 1
        for index, one in enumerate(placed):
            assert inside(one)
            for other in placed[index + 1 :]:
                assert overlap(one, other) == 0


def inside(placed: Placed) -> bool:
    left, top, right, bottom = box(placed)
    return left > -EDGE and top > -EDGE and right < 1 + EDGE and bottom < 1 + EDGE


@STEADY
def test_groups_have_their_numbers_and_keep_apart(steady: bool) -> None:
    scene = Scene((Thing("cat", None, 4), Thing("dog", None, 1), Thing("star", "red", 3)), "")
    for seed in range(40):
        placed = lay_out(scene, rng(seed), steady=steady).objects
        assert [sum(one.thing == index for one in placed) for index in range(3)] == [4, 1, 3]
        for index, one in enumerate(placed):
            assert inside(one) and one.concept == scene.things[one.thing].concept
            assert all(overlap(one, other) == 0 for other in placed[index + 1 :])


def test_steady_things_come_in_few_pictures() -> None:
    """Those of a size are cut into the base's patches in one way, wherever they stand, unless they touch another."""
    draw, sides = rng(), set()
    for _ in range(400):
        scene = sample_scene(draw, NAMES)
        for placed in lay_out(scene, draw, steady=True).objects:
            assert not placed.flip
            if scene.sign is None and scene.relation not in TOUCHING:
                sides.add(round(placed.side * GRID, 6))
                edges = [(at - placed.side / 2) * GRID / SNAP for at in (placed.x, placed.y)]
                assert edges == pytest.approx([round(edge) for edge in edges], abs=1e-6)
    assert len(sides) < 20
    assert all(side % (2 * SNAP if side >= 8 * SNAP else SNAP) == 0 for side in sides)


@STEADY
@pytest.mark.parametrize("relation", [None, "beside", "left", "right", "on", "in front of"])
def test_size_words_are_kept(relation: Relation | None, steady: bool) -> None:
    scene = Scene((Thing("mouse", size="small"), Thing("elephant", size="large")), "", relation)
    for seed in range(20):
        objects = lay_out(scene, rng(seed), steady=steady).objects
        small, large = sorted(objects, key=lambda placed: placed.thing)
        assert large.side > 2 * small.side and inside(small) and inside(large)


def test_places_cover_the_picture() -> None:
    for place in PLACES:
        for seed in range(5):
            ground = lay_out(Scene((Thing("cat"),), "", background=place), rng(seed)).place
            assert ground is not None and ground.concept == f"place/{place}"
            assert max(abs(ground.x - 0.5), abs(ground.y - 0.5)) <= (ground.side - 1) / 2 + 1e-9
    assert lay_out(Scene((Thing("cat"),), "", background="red"), rng()).place is None


def text_of(layout: Layout) -> str:
    """The letters in the order of reading, without blanks."""
    found = [placed for placed in layout.objects if placed.thing == -1]
    height = max(placed.side for placed in found) / CELL
    rows = sorted({round(placed.y / (height * 0.9)) for placed in found})
    lines = [[p for p in found if round(p.y / (height * 0.9)) == row] for row in rows]
    return "".join(p.concept[-1] for line in lines for p in sorted(line, key=lambda placed: placed.x))


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("text", ["A", "OPEN", "Watermelon", "Good Day", "Taste Sport Train", "42"])
def test_words_stand_on_their_board_in_order(name: str, text: str) -> None:
    for seed in range(7):
        layout = lay_out(Scene((Thing(name),), "", sign=Sign(text, "black")), rng(seed), steady=seed == 6)
        carrier = layout.objects[0]
        assert carrier.concept == name and not carrier.flip
        assert CONCEPTS[name].drawings[carrier.drawing][0] == "own"
        assert text_of(layout) == text.replace(" ", "")
        left, top, right, bottom = box(carrier)
        for letter in layout.objects[1:]:
            assert letter.colour == "black" and left < letter.x < right and top < letter.y < bottom


def test_short_words_can_be_read_at_64_pixels() -> None:
    """Five letters: a capital is more than four pixels high everywhere, even on a T-shirt."""
    for name in BOARDS:
        for seed in range(10):
            layout = lay_out(Scene((Thing(name),), "", sign=Sign("HELLO", "black")), rng(seed))
            assert min(p.side for p in layout.objects[1:]) / CELL * 0.73 * 64 > 4.5, name


def test_steady_letters_come_in_few_pictures() -> None:
    """Wherever it stands, a letter of one size begins on a whole pixel of 64, and on a whole patch of the base unless
    letters are an odd number of pixels wide: so it always looks the same."""
    sizes, odd = set(), {pitch for pitch, _ in PITCHES if pitch % SNAP}
    for name in BOARDS:
        for text in ("A", "OPEN", "Watermelon", "Good Day", "Taste Sport Train", "1234567"):
            for letter in lay_out(Scene((Thing(name),), "", sign=Sign(text, "black")), rng(), steady=True).objects[1:]:
                assert letter.concept.startswith("glyph/mono/")
                em = letter.side / CELL
                sizes.add(round(em * 64, 6))
                left, baseline = letter.x - em * (CELL / 2 - PEN), letter.y - em * (CELL / 2 - BASELINE)
                snap = 1 if round(em * 64 * advances()["mono"]["A"]) in odd else SNAP
                assert left * 64 / snap == pytest.approx(round(left * 64 / snap), abs=1e-6)
                assert baseline * 64 / SNAP == pytest.approx(round(baseline * 64 / SNAP), abs=1e-6)
    assert len(sizes) <= len(PITCHES)


def test_steady_letters_fit_their_box_or_are_as_small_as_there_are() -> None:
    for name, board in BOARDS.items():
        box_ = Box(board.left, board.top, board.right, board.bottom)
        for text in ("A", "OPEN", "Good Day"):
            squares = [(x, y, side) for _, x, y, side in grid_letters(text, box_)]
            em = squares[0][2] / CELL
            if em * 64 * 0.602 > PITCHES[-1][0] + 1e-6:
                lefts = [x - em * (CELL / 2 - PEN) for x, _, _ in squares]
                assert min(lefts) >= box_.left - 1 / 64, name
                assert max(lefts) + em * 0.602 <= box_.right + 1 / 64, name
                baselines = [y - em * (CELL / 2 - BASELINE) for _, y, _ in squares]
                assert min(baselines) - em * CAPITAL >= box_.top - 1 / 64, name
                assert max(baselines) <= box_.bottom + 1 / 64, name


def test_every_character_has_its_width_in_every_font() -> None:
    assert set(advances()) == set(FONTS)
    for widths in advances().values():
        assert set(widths) == set(CHARACTERS) | {" "} and all(0.2 < width < 1.3 for width in widths.values())


def test_other_characters_are_refused() -> None:
    with pytest.raises(ValueError, match="'é'.*A-Z, a-z, 0-9"):
        list(letters("Café", Box(0, 0, 1, 1), rng()))
    with pytest.raises(ValueError, match="'é'.*A-Z, a-z, 0-9"):
        list(grid_letters("Café", Box(0, 0, 1, 1)))


def test_roles_are_concepts_with_drawings() -> None:
    for name in (*BOARDS, *CONTAINERS, *HEADS, *HEADWEAR, *MOUNTS):
        assert name in CONCEPTS
    for name in BOARDS:
        assert any(source == "own" for source, _ in CONCEPTS[name].drawings)


def test_all_that_is_sampled_can_be_laid_out_within_the_picture() -> None:
    draw = rng(9)
    for _ in range(1500):
        scene = sample_scene(draw, NAMES)
        layout = lay_out(scene, draw)
        for placed in layout.objects:
            assert 0 < placed.x < 1 and 0 < placed.y < 1 and 0 < placed.side <= 1, scene.caption
        seen = [placed.thing for placed in layout.objects if placed.thing >= 0]
        assert [seen.count(index) for index in range(len(scene.things))] == [thing.count for thing in scene.things]


def test_shrinking_shrinks() -> None:
    scene = Scene((Thing("apple", None, 4),), "")
    whole, half = (lay_out(scene, rng(2), shrink=shrink).objects[0].side for shrink in (1.0, 0.5))
    assert half == pytest.approx(whole / 2)
