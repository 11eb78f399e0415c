"""Pixels: both renderers draw the same pictures, tints are what they are called, and layers keep their order."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks import scenes as scenes_benchmark
from generators.world.scenes.captions import COLOURS, Scene, Sign, Thing, sample_scene
from generators.world.scenes.compose import PATCHES, SceneComposer, pack
from generators.world.scenes.concepts import CONCEPTS
from generators.world.scenes.layout import Layout, Placed, lay_out
from generators.world.scenes.lettering import CHARACTERS, FONTS, glyph_key
from generators.world.scenes.render import Renderer, level_of, pyramid, tint
from generators.world.sheet import main as main_of_sheet
from generators.world.sheet import sheet
from tests.world.test_scenes import disc

SIDE = 128


def blob(seed: int) -> NDArray[np.uint8]:
    """A smooth shape with shades and a soft edge, (SIDE, SIDE, 4): what vector art is like, without any of it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    radius = np.hypot(x, y * rng.uniform(0.8, 1.6))
    edge = 0.36 + 0.08 * np.cos(np.arctan2(y, x) * int(rng.integers(2, 6)))
    picture = np.zeros((SIDE, SIDE, 4), dtype=np.uint8)
    for channel in range(3):
        low, high = sorted(rng.integers(20, 240, 2))
        wave = np.sin(x * 9 + seed + channel) * np.cos(y * 7)
        picture[..., channel] = np.clip(low + (high - low) * (wave + 1) / 2, 0, 255)
    picture[..., 3] = np.clip((edge - radius) * SIDE, 0, 1) * 255
    return picture


def world() -> dict[str, NDArray[np.uint8]]:
    """A made-up sprite for every concept, place and letter."""
    sprites = {name: blob(index % 17) for index, name in enumerate(CONCEPTS)}
    for font in FONTS:
        for character in CHARACTERS:
            letter = np.full((SIDE, SIDE, 4), 128, dtype=np.uint8)
            letter[..., 3] = 0
            letter[30:100, 40:70, 3] = 255
            sprites[glyph_key(font, character)] = letter
    whole = np.full((SIDE, SIDE, 4), (60, 160, 90, 255), dtype=np.uint8)
    whole[: SIDE // 2, :, 3] = 0
    return sprites | {"place/grass": whole}


SPRITES = world()
RENDERER, COMPOSER = Renderer(SPRITES), SceneComposer(SPRITES)


def layouts(n: int, seed: int, category: str | None = None) -> list[Layout]:
    rng = np.random.default_rng(seed)
    return [lay_out(sample_scene(rng, RENDERER.concepts, category=category), rng) for _ in range(n)]


def by_torch(held: list[Layout], size: int) -> NDArray[np.int64]:
    pictures: NDArray[np.int64] = COMPOSER.draw(held, size).permute(0, 2, 3, 1).numpy().astype(np.int64)
    return pictures


@pytest.mark.parametrize("size", [64, 256, 320])
def test_both_renderers_draw_the_same_pictures(size: int) -> None:
    """On average half a step of 256 at most in any picture, and 1 in 1,000 values further off than 24."""
    held = layouts(24, seed=size)
    difference = np.abs(by_torch(held, size) - np.stack([RENDERER.draw(layout, size) for layout in held]))
    patterned = [any(placed.pattern for placed in layout.objects) for layout in held]
    means = difference.mean(axis=(1, 2, 3))
    # A stripe's edge may fall on either side of a pixel.
    assert (means < np.where(patterned, 1.5, 0.5)).all()
    assert np.quantile(difference[~np.array(patterned)], 0.999) <= 24


@pytest.mark.parametrize("category", ["Text", "Conflicting", "DALL-E", "Counting"])
def test_they_agree_on_signs_patterns_and_piles(category: str) -> None:
    held = layouts(6, seed=3, category=category)
    difference = np.abs(by_torch(held, 256) - np.stack([RENDERER.draw(layout, 256) for layout in held]))
    assert difference.mean() < 0.8


def test_a_batch_does_not_change_its_pictures() -> None:
    held = layouts(9, seed=1)
    whole = COMPOSER.draw(held, 256)
    assert torch.equal(COMPOSER.draw(held, 256, chunk=2), whole)
    assert torch.equal(COMPOSER.draw(pack(held, COMPOSER.index), 256), whole)
    assert torch.equal(torch.cat([COMPOSER.draw([layout], 256) for layout in held]), whole)
    assert COMPOSER.draw([], 64).shape == (0, 3, 64, 64)


def test_small_pictures_are_large_ones_averaged() -> None:
    held = layouts(4, seed=2)
    large = COMPOSER.draw(held, 256).float()
    averaged = torch.nn.functional.avg_pool2d(large, 4)
    assert (COMPOSER.draw(held, 64).float() - averaged).abs().max() <= 0.5 + 1e-3
    small = RENDERER.draw(held[0], 64).astype(float)
    assert np.abs(small - RENDERER.draw(held[0], 256).reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))).max() <= 0.51


def test_layers_of_a_pack_do_not_touch() -> None:
    packed = pack(layouts(60, seed=5), COMPOSER.index)
    for scene in range(60):
        rows = np.flatnonzero(packed.what[:, 0] == scene)
        for at, one in enumerate(rows):
            for other in rows[at + 1 :]:
                wide = [PATCHES[packed.what[row, 2]] for row in (one, other)]
                near = [
                    np.clip(packed.where[row, :2] - packed.where[row, 2] / 2, 0, 1 - side)
                    for row, side in zip((one, other), wide, strict=True)
                ]
                apart = (near[0] >= near[1] + wide[1]) | (near[1] >= near[0] + wide[0])
                assert packed.what[other, 1] > packed.what[one, 1] or apart.any()


def test_what_is_later_covers_what_is_earlier() -> None:
    solid = np.full((SIDE, SIDE, 4), 128, dtype=np.uint8)
    solid[..., 3] = 255
    sprites = {"box": solid}
    objects = tuple(Placed("box", colour, 0.5, 0.5, 0.5) for colour in ("red", "green", "blue"))
    layout = Layout(objects, (255, 255, 255), (255, 255, 255), None)
    for picture in (
        Renderer(sprites).draw(layout, 256),
        SceneComposer(sprites).draw([layout], 256)[0].permute(1, 2, 0).numpy(),
    ):
        assert tuple(picture[128, 128]) == COLOURS["blue"]
        assert tuple(picture[5, 5]) == (255, 255, 255)


def test_mirrored_is_mirrored() -> None:
    sprites = {"apple": disc(side=SIDE)}
    plain = Layout((Placed("apple", None, 0.5, 0.5, 0.8),), (9, 9, 9), (9, 9, 9), None)
    turned = Layout((Placed("apple", None, 0.5, 0.5, 0.8, flip=True),), (9, 9, 9), (9, 9, 9), None)
    for draw in (
        lambda held: Renderer(sprites).draw(held, 256).astype(int),
        lambda held: SceneComposer(sprites).draw([held], 256)[0].permute(1, 2, 0).numpy().astype(int),
    ):
        assert np.abs(draw(plain)[:, ::-1] - draw(turned)).max() <= 2
        assert np.abs(draw(plain) - draw(turned)).max() > 40


@pytest.mark.parametrize("colour", list(COLOURS))
def test_tinting_brings_the_colour(colour: str) -> None:
    sprite = disc(side=SIDE)
    tinted = tint(sprite, colour)
    visible = tinted[tinted[..., 3] > 0][:, :3].astype(float)
    # On average as the colour is named, lighter and darker by the sprite's own shading, which stays in order.
    assert np.abs(visible.mean(axis=0) - COLOURS[colour]).max() < 40
    assert tinted[64, 25, :3].astype(int).sum() <= tinted[64, 100, :3].astype(int).sum()
    assert np.array_equal(tinted[..., 3], sprite[..., 3])


def test_patterns_have_both_colours() -> None:
    sprite = np.full((SIDE, SIDE, 4), 128, dtype=np.uint8)
    for pattern in ("striped", "spotted"):
        seen = {tuple(pixel) for pixel in tint(sprite, "red", pattern, "white").reshape(-1, 4)[:, :3].tolist()}
        assert seen == {COLOURS["red"], COLOURS["white"]}
    rainbow = tint(sprite, None, "rainbow").reshape(-1, 4)[:, :3].tolist()
    assert {tuple(pixel) for pixel in rainbow} == {
        COLOURS[name] for name in ("red", "orange", "yellow", "green", "blue", "purple")
    }


def test_levels_halve_and_the_smallest_that_serves_is_taken() -> None:
    assert [len(level) for level in pyramid(blob(1))] == [128, 64, 32, 16]
    assert [level_of(side, 128) for side in (200, 128, 65, 64, 33, 32, 10, 2)] == [0, 0, 0, 1, 1, 2, 3, 3]


def test_letters_come_out_in_their_ink() -> None:
    scene = Scene((Thing("sign"),), "", sign=Sign("I", "red"))
    layout = lay_out(scene, np.random.default_rng(0))
    letter = layout.objects[1]
    # The middle of the made-up letter's bar, not of its square.
    x, y = letter.x + letter.side * (55 / 128 - 0.5), letter.y
    for picture in (RENDERER.draw(layout, 256), COMPOSER.draw([layout], 256)[0].permute(1, 2, 0).numpy()):
        assert np.abs(picture[round(y * 256), round(x * 256)].astype(int) - COLOURS["red"]).max() <= 2


def test_sprites_that_lack_a_drawing_show_the_first() -> None:
    few = {"cat": blob(1)}
    layout = Layout((Placed("cat", None, 0.5, 0.5, 0.5, drawing=1),), (9, 9, 9), (9, 9, 9), None)
    first = Layout((Placed("cat", None, 0.5, 0.5, 0.5),), (9, 9, 9), (9, 9, 9), None)
    assert np.array_equal(Renderer(few).draw(layout, 64), Renderer(few).draw(first, 64))
    assert torch.equal(SceneComposer(few).draw([layout], 64), SceneComposer(few).draw([first], 64))


def test_sprites_that_lack_a_thing_say_so() -> None:
    layout = Layout((Placed("yak", None, 0.5, 0.5, 0.5),), (9, 9, 9), (9, 9, 9), None)
    with pytest.raises(ValueError, match="no sprite of 'yak'; make the sprites anew"):
        RENDERER.draw(layout, 64)
    with pytest.raises(ValueError, match="no sprite of 'yak'"):
        COMPOSER.draw([layout], 64)


def test_the_sheet_shows_every_category() -> None:
    picture = sheet(RENDERER, columns=2, side=64, seed=0)
    tiles = np.asarray(picture)[18:82, 8:144]
    assert picture.height > 9 * 64 and tiles.std() > 3
    assert main_of_sheet(["--sprites", "nowhere.npz"]) == 2


def test_the_benchmark_measures_both_renderers(capsys: pytest.CaptureFixture[str]) -> None:
    rates = scenes_benchmark.measure(SPRITES, 2, torch.device("cpu"))
    assert {f"{name} at {size}" for name in ("renderer", "composer") for size in (64, 256)} <= set(rates)
    assert all(value > 0 for value in rates.values())
    assert scenes_benchmark.main(["--device", "tpu"]) == 2
    assert scenes_benchmark.main(["--scenes", "0"]) == 2
    assert "at least one scene" in capsys.readouterr().err
