"""A world's parts together: pools, layouts and pixels from made-up sprites, as a training uses them."""

import csv
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from generators.world.scenes import WORLD
from generators.world.scenes.captions import COLOURS, Scene, Thing, caption_pool
from generators.world.scenes.concepts import CONCEPTS, KINDS
from generators.world.scenes.layout import lay_out
from generators.world.scenes.render import Renderer
from generators.world.scenes.words import PLACES


def disc(grey: int = 128, side: int = 256) -> NDArray[np.uint8]:
    """A grey disc with a dark left half, (side, side, 4)."""
    y, x = np.mgrid[:side, :side]
    middle = side / 2
    picture = np.zeros((side, side, 4), dtype=np.uint8)
    picture[..., :3] = np.where(x < middle, grey // 2, grey)[..., None]
    picture[..., 3] = ((x - middle) ** 2 + (y - middle) ** 2 < (0.48 * side) ** 2) * 255
    return picture


def test_the_world_has_a_version() -> None:
    assert WORLD == "scenes/2"


def test_a_world_of_three_sprites_draws_its_whole_pool() -> None:
    """No boards, containers or letters: the kinds of scenes that need them stay out, all others are drawn."""
    renderer = Renderer({name: disc() for name in ("apple", "car", "dog")})
    pool = caption_pool(150, renderer.concepts, seed=1)
    rng = np.random.default_rng(0)
    for scene in pool:
        assert {thing.concept for thing in scene.things} <= {"apple", "car", "dog"}
        picture = renderer.draw(lay_out(scene, rng), 64)
        assert picture.shape == (64, 64, 3) and picture.std() > 3
    assert {"Text"} & {scene.category for scene in pool} == set()


def test_without_boards_nothing_is_written() -> None:
    """Sprites of the first world have books and cakes, but no letters."""
    renderer = Renderer({name: disc() for name in ("apple", "book", "birthday cake", "dog")})
    pool = caption_pool(200, renderer.concepts, seed=2)
    assert all(scene.sign is None for scene in pool) and any(scene.things[0].concept == "book" for scene in pool)
    for scene in pool[:40]:
        renderer.draw(lay_out(scene, np.random.default_rng(0)), 64)


def test_sprites_beyond_the_table_are_drawn_too() -> None:
    renderer = Renderer({"widget": disc(), "gadget": disc()})
    assert all(
        thing.concept in ("widget", "gadget")
        for scene in caption_pool(20, renderer.concepts, 2)
        for thing in scene.things
    )


def test_a_layout_is_a_function_of_its_seed() -> None:
    scene = Scene((Thing("cat", "red", 3), Thing("dog", None, 2)), "")
    assert lay_out(scene, np.random.default_rng(5)) == lay_out(scene, np.random.default_rng(5))
    assert lay_out(scene, np.random.default_rng(5)) != lay_out(scene, np.random.default_rng(6))


def test_pixels_show_the_object_on_its_ground() -> None:
    scene = Scene((Thing("car", "red"),), "a red car on a blue background", background="blue")
    for size in (64, 256, 512):
        picture = Renderer({"car": disc()}).draw(lay_out(scene, np.random.default_rng(0)), size)
        assert picture.shape == (size, size, 3) and picture.dtype == np.uint8
        assert tuple(picture[0, 0]) == COLOURS["blue"]
        middle = picture[size // 2, size // 2].astype(int)
        assert middle[0] > middle[2] + 60


PAGE = Path(__file__).parents[2] / "docs" / "training-world.md"
SUITE = Path(__file__).parents[2] / "fixtures" / "suites" / "drawbench-cc0.csv"


def test_the_page_lists_the_world_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for kind in KINDS:
        names = [name for name, held in CONCEPTS.items() if held.kind == kind]
        assert f"| {kind} | {len(names)} | {', '.join(names)} |" in page
    drawings = Counter(source for held in CONCEPTS.values() for source, _ in held.drawings)
    assert f"{len(CONCEPTS)} concepts in {drawings.total()} drawings" in " ".join(page.split())
    assert f"{len(COLOURS)} colours, {len(PLACES)} places" in " ".join(page.split())
    rows = {line.rsplit("|", 3)[-3].split()[0].rstrip(",") for line in page.splitlines() if "| Apache-2.0" in line}
    assert rows == {str(drawings["noto"])}
    own = sum(held.gloss_source == "own" for held in CONCEPTS.values())
    assert f"WordNet 3.0 ({len(CONCEPTS) - own}), our own ({own})" in page


def test_the_page_says_what_of_the_suite_is_in_the_world() -> None:
    known = {word for held in CONCEPTS.values() for word in (held.name, *held.names)}
    seen: dict[str, list[tuple[int, int, bool]]] = defaultdict(list)
    with SUITE.open(newline="", encoding="utf-8") as held:
        for row in csv.DictReader(held):
            attributes = json.loads(row["attributes"]) if row["attributes"] else {}
            objects = [thing["name"] in known for thing in attributes.get("objects", [])]
            seen[row["category"]].append((sum(objects), len(objects), bool(objects) and all(objects)))
    page = PAGE.read_text(encoding="utf-8")
    for category, found in seen.items():
        hits, all_of_them, whole = (sum(prompt[index] for prompt in found) for index in range(3))
        assert f"| {category} | {len(found)} | {hits} of {all_of_them} | {whole} |" in page
