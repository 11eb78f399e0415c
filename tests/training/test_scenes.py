"""Scenes: captions are true of them, layouts hold what they say, pixels follow."""

import numpy as np
import pytest
from numpy.typing import NDArray

from generators.training.scenes.captions import (
    COLOURS,
    Scene,
    Thing,
    article,
    caption_pool,
    held_out,
    plural,
    sample_scene,
)
from generators.training.scenes.layout import lay_out
from generators.training.scenes.render import Renderer, tint
from generators.training.sprites import CONCEPTS

NAMES = tuple(CONCEPTS)


def disc(grey: int = 128) -> NDArray[np.uint8]:
    """A grey disc with a dark left half, (512, 512, 4)."""
    y, x = np.mgrid[:512, :512]
    inside = (x - 256) ** 2 + (y - 256) ** 2 < 250**2
    picture = np.zeros((512, 512, 4), dtype=np.uint8)
    picture[..., :3] = np.where(x < 256, grey // 2, grey)[..., None]
    picture[..., 3] = inside * 255
    return picture


def renderer() -> Renderer:
    return Renderer({name: disc() for name in ("apple", "car", "dog")})


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_captions_name_what_the_scene_holds() -> None:
    draw = rng()
    for _ in range(500):
        scene = sample_scene(draw, NAMES)
        text = scene.caption.lower()
        for thing in scene.things:
            if thing.colour is not None:
                assert thing.colour in text
                assert not held_out(thing.colour, thing.concept)
            if thing.count > 1:
                words = ("two", "three", "four", "five")
                assert words[thing.count - 2] in text or str(thing.count) in text
        if scene.background in COLOURS:
            assert f"{scene.background} background" in text
            assert scene.background not in {thing.colour for thing in scene.things}


def test_unseen_scenes_hold_only_held_out_pairs() -> None:
    draw = rng()
    things = [thing for _ in range(100) for thing in sample_scene(draw, NAMES, unseen=True).things]
    assert all(thing.colour is not None and held_out(thing.colour, thing.concept) for thing in things)
    share = np.mean([held_out(colour, name) for colour in COLOURS for name in NAMES])
    assert 0.05 < share < 0.15


def test_a_pool_is_distinct_and_repeatable() -> None:
    pool = caption_pool(300, NAMES, seed=4)
    assert len({scene.caption for scene in pool}) == len(pool) == 300
    assert pool == caption_pool(300, NAMES, seed=4)
    assert pool != caption_pool(300, NAMES, seed=5)


@pytest.mark.parametrize(
    ("noun", "many"), [("car", "cars"), ("sheep", "sheep"), ("bus", "buses"), ("couch", "couches"), ("fish", "fish")]
)
def test_plurals(noun: str, many: str) -> None:
    assert plural(noun) == many


def test_articles() -> None:
    assert article("apple") == "an apple" and article("red apple") == "a red apple"


@pytest.mark.parametrize("relation", ["left", "right", "above", "below"])
def test_relations_hold_in_the_layout(relation: str) -> None:
    for seed in range(20):
        scene = Scene((Thing("apple"), Thing("car")), "", relation)  # type: ignore[arg-type]
        first, second = lay_out(scene, rng(seed)).objects
        dx, dy = second.x - first.x, second.y - first.y
        along = {"left": dx, "right": -dx, "above": dy, "below": -dy}[relation]
        across = dy if relation in ("left", "right") else dx
        assert along > 0.3 and abs(across) < 0.1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_counted_objects_are_all_there_and_apart(count: int) -> None:
    for seed in range(20):
        placed = lay_out(Scene((Thing("apple", None, count),), ""), rng(seed)).objects
        assert len(placed) == count
        for index, one in enumerate(placed):
            assert one.x - one.side / 2 > -0.06 and one.x + one.side / 2 - 0.06 < 1
            for other in placed[index + 1 :]:
                assert np.hypot(one.x - other.x, one.y - other.y) > 0.2


@pytest.mark.parametrize("colour", list(COLOURS))
def test_tinting_brings_the_colour(colour: str) -> None:
    tinted = tint(disc(), colour)
    visible = tinted[tinted[..., 3] > 0][:, :3].astype(float)
    # On average as the colour is named, lighter and darker by the sprite's own shading, which stays in order.
    assert np.abs(visible.mean(axis=0) - COLOURS[colour]).max() < 40
    assert tinted[256, 100, :3].astype(int).sum() <= tinted[256, 400, :3].astype(int).sum()
    assert np.array_equal(tinted[..., 3], disc()[..., 3])


@pytest.mark.parametrize("size", [64, 256])
def test_pixels_show_the_object_on_its_ground(size: int) -> None:
    scene = Scene((Thing("car", "red"),), "a red car on a blue background", background="blue")
    picture = renderer().draw(lay_out(scene, rng()), size)
    assert picture.shape == (size, size, 3) and picture.dtype == np.uint8
    assert tuple(picture[0, 0]) == COLOURS["blue"]
    middle = picture[size // 2, size // 2].astype(int)
    assert middle[0] > middle[2] + 60


def test_one_layout_is_one_picture_at_every_size() -> None:
    layout = lay_out(Scene((Thing("dog", "green", 3),), "", background="grass"), rng(3))
    small, large = renderer().draw(layout, 64), renderer().draw(layout, 256)
    averaged = large.reshape(64, 4, 64, 4, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(averaged - small).mean() < 6
