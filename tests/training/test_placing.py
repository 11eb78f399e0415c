"""The text side, taught where things go."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from generators.cascade import configs
from generators.cascade.blocks import TextStates
from generators.cascade.configs import ConfigError
from generators.cascade.text import load_encoder
from generators.cascade.unet import UNet
from generators.training import checkpoints, placing
from generators.training.captions_cache import load_captions
from generators.training.config import TrainConfig
from generators.training.data import SceneData
from generators.training.data_config import ScenesConfig
from generators.training.place_targets import AS_IT_IS, INK, classes_of, ink_of, parts_of, targets
from generators.training.placing import Course, Lesson, Teacher, course_of, exam, teach, text_side
from generators.training.trainer import Trainer
from generators.world.scenes.captions import Scene, Thing, caption_pool
from generators.world.scenes.layout import Layout, lay_out
from generators.world.scenes.lettering import BASELINE, CELL, CHARACTERS, FONTS, PEN, glyph_key
from generators.world.scenes.render import Renderer
from generators.world.scenes.truth import Sign
from generators.world.scenes.words import COLOURS
from tests.training.toy import TINY, config

CONCEPTS = ("apple", "car", "cat", "dog")
RED = list(COLOURS).index("red") + 2


def with_map(concepts: tuple[str, ...] = CONCEPTS) -> TrainConfig:
    """The toy's cascade with text layers and a map of places."""
    unet = dataclasses.replace(TINY.base.unet, text_layers=1, text_map=8, text_look=16, text_width=32)
    named = dataclasses.replace(TINY, name="tiny-map", base=dataclasses.replace(TINY.base, unet=unet))
    configs.CASCADES["tiny-map"] = named
    data = ScenesConfig(sprites="", captions=200, concepts=concepts, shares={"related": 10.0}, steady=True)
    return config(cascade="tiny-map", data=data)


def test_targets_say_what_is_where() -> None:
    rng = np.random.default_rng(0)
    scene = Scene((Thing("cat", "red"), Thing("dog")), "a red cat on the left of a dog", "left")
    grid = targets([lay_out(scene, rng)], CONCEPTS, 8)[0]
    assert grid.shape == (2, 8, 8)
    columns = np.arange(8) * np.ones((8, 1))
    cat, dog = grid[0] == CONCEPTS.index("cat") + 1, grid[0] == CONCEPTS.index("dog") + 1
    assert columns[cat].max() < columns[dog].min()
    assert set(grid[1][cat]) == {RED}
    assert set(grid[1][dog]) == {AS_IT_IS}
    assert not grid[1][~(cat | dog)].any()


def test_letters_are_targets_in_their_order() -> None:
    scene = Scene((Thing("sign"),), "a sign that says 'AB'", sign=Sign("AB", "black"))
    classes = classes_of((*CONCEPTS, "sign"))
    grid = targets([lay_out(scene, np.random.default_rng(0), steady=True)], classes, 32)[0, 0]
    columns = [np.nonzero((grid == classes.index(letter) + 1).any(0))[0] for letter in "AB"]
    assert columns[0].max() < columns[1].min()
    assert (grid == classes.index("sign") + 1).any()
    assert classes_of(CONCEPTS) == CONCEPTS


def test_steady_scenes_stand_as_they_are_named() -> None:
    rng = np.random.default_rng(0)
    pair = Scene((Thing("cat"), Thing("dog")), "a cat and a dog")
    right = Scene((Thing("cat"), Thing("dog")), "a cat on the right of a dog", "right")
    sign = Scene((Thing("sign"),), "a sign that says 'AB'", sign=Sign("AB", "black"))
    firsts: dict[bool, set[bool]] = {True: set(), False: set()}
    for _ in range(30):
        for steady, seen in firsts.items():
            cat, dog = lay_out(pair, rng, steady=steady).objects
            seen.add(cat.x < dog.x)
        cat, dog = lay_out(right, rng, steady=True).objects
        assert cat.x > dog.x
    assert firsts == {True: {True}, False: {True, False}}
    assert lay_out(sign, rng, steady=True).objects == lay_out(sign, rng, steady=True).objects
    assert lay_out(sign, rng).objects != lay_out(sign, rng).objects


def test_shares_make_kinds_of_scenes_rarer_or_more_frequent() -> None:
    plain = caption_pool(300, CONCEPTS, 1)
    more = caption_pool(300, CONCEPTS, 1, shares={"related": 10.0, "counted": 0.0, "groups": 0.0})
    asked = [[scene.category for scene in pool].count("Positional") for pool in (plain, more)]
    assert asked[1] > 2 * asked[0]
    assert "Counting" not in {scene.category for scene in more}


def test_what_comes_often_comes_more_often() -> None:
    def mentions(pool: list[Scene], name: str) -> int:
        return sum(thing.concept == name for scene in pool for thing in scene.things)

    name, other = CONCEPTS[:2]
    plain, more = caption_pool(300, CONCEPTS, 1), caption_pool(300, CONCEPTS, 1, often={name: 4.0})
    assert mentions(more, name) > 1.5 * mentions(plain, name)
    assert mentions(more, other) < mentions(plain, other)


def squares(concepts: tuple[str, ...]) -> Renderer:
    """Every drawing and every letter a white square."""
    square = np.full((256, 256, 4), 255, dtype=np.uint8)
    keys = (*concepts, *(glyph_key(font, character) for font in FONTS for character in CHARACTERS))
    return Renderer(dict.fromkeys(keys, square))


def test_ink_is_where_the_letters_are_and_nowhere_else() -> None:
    sign = Scene((Thing("sign"),), "a sign that says 'AB'", sign=Sign("AB", "black"))
    layouts = [
        lay_out(scene, np.random.default_rng(0), steady=True) for scene in (sign, Scene((Thing("cat"),), "a cat"))
    ]
    ink = ink_of(layouts, squares((*CONCEPTS, "sign")), 32)
    assert ink.shape == (2, 32 * 32, INK)
    assert not ink[1].any()
    pixels = ink[0].reshape(32, 32, 2, 2).transpose(0, 2, 1, 3).reshape(64, 64)
    at = (np.arange(64) + 0.5) / 64
    letters = [one for one in layouts[0].objects if one.concept.startswith("glyph/")]
    covered = np.zeros((64, 64), dtype=bool)
    for one in letters:
        near = [np.abs(at - middle) <= one.side / 2 + 1 / 64 for middle in (one.y, one.x)]
        covered |= near[0][:, None] & near[1][None, :]
        row, column = int(one.y * 64), int(one.x * 64)
        assert pixels[row, column] == pytest.approx(1, abs=0.06)
    assert not pixels[~covered].any()


@pytest.mark.parametrize("steady", [True, False])
def test_a_steady_letter_s_part_settles_where_in_the_letter_it_lies(*, steady: bool) -> None:
    """Then letter and part settle the ink, and it can be learned; with letters anywhere they do not."""
    rng = np.random.default_rng(0)
    at = (np.arange(32) + 0.5) / 32
    lies: dict[tuple[int, ...], set[tuple[float, ...]]] = {}
    for carrier in ("sign", "blackboard", "storefront"):
        for text in ("OPEN", "Tea", "Good Day", "Watermelon", "Taste Sport", "474"):
            scene = Scene((Thing(carrier),), "", sign=Sign(text, "black"))
            for letter in lay_out(scene, rng, steady=steady).objects[1:]:
                em = letter.side / CELL
                left, baseline = letter.x - em * (CELL / 2 - PEN), letter.y - em * (CELL / 2 - BASELINE)
                parts = parts_of([Layout((letter,), (0, 0, 0), (0, 0, 0), None)], 32).reshape(3, 32, 32)
                for row, column in np.argwhere(parts[0] >= 0):
                    offset = (round(at[column] - left, 6), round(at[row] - baseline, 6))
                    lies.setdefault(tuple(parts[:, row, column].tolist()), set()).add(offset)
    assert (max(map(len, lies.values())) == 1) == steady


@pytest.mark.longest
def test_a_lesson_changes_the_text_side_alone(tmp_path: Path) -> None:
    """How many of a kind, and with it what there is, comes first; forty steps are enough to see it begin."""
    concepts = (*CONCEPTS, "sign")
    trainer = Trainer(with_map(concepts))
    network, scenes = trainer.network, trainer.config.data
    assert isinstance(network, UNet)
    assert isinstance(scenes, ScenesConfig)
    pool = caption_pool(scenes.captions, concepts, 1, shares=scenes.shares)
    states = load_captions([scene.caption for scene in pool], trainer.config.text, tmp_path)
    data = SceneData(trainer.config, pool, states, squares(concepts))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    said: list[str] = []
    course, learned = course_of(data), text_side(network, whole=False)
    config, device = trainer.config, torch.device("cpu")
    short = teach(network, course, learned, config, Lesson(steps=1, asked=64), device=device, report=said.append)
    assert set(short) == {"colours", "relation", "count", "letters", "ink", "surprise"}
    longer = teach(network, course, learned, config, Lesson(steps=40, asked=64), device=device, report=said.append)
    assert longer["surprise"] < 0.8 * short["surprise"]
    assert longer["ink"] > short["ink"]
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == {"conditioning", "text_map"}
    assert all(name.startswith(("conditioning.layers.", "text_map.")) for name in changed)
    assert "step 40" in said[-1]


def test_an_untaught_network_fails_the_exam() -> None:
    made = with_map()
    network = Trainer(made).network
    assert isinstance(network, UNet)
    encoder = load_encoder(made.text)
    course = Course(
        CONCEPTS, [], lambda rows: encoder.encode([]).states, lambda said: encoder.encode(said).states, lay_out
    )
    marks = exam(course, 8, torch.device("cpu"), n=64).marks(Teacher(network, len(CONCEPTS)))
    assert 0.25 < marks["relation"] < 0.75
    assert "letters" not in marks
    with pytest.raises(ConfigError, match="text_map"):
        Teacher(UNet(TINY.base.unet, TINY.text), 3)
    with pytest.raises(ConfigError, match="text_map"):
        text_side(UNet(TINY.base.unet, TINY.text), whole=True)


def test_a_network_with_text_layers_starts_from_one_without(tmp_path: Path) -> None:
    """They begin as the identity: it draws what the other draws."""
    plain = Trainer(config())
    checkpoints.save(plain, tmp_path)
    unet = dataclasses.replace(TINY.base.unet, text_layers=1, text_map=4, text_look=8)
    configs.CASCADES["tiny-more"] = dataclasses.replace(
        TINY, name="tiny-more", base=dataclasses.replace(TINY.base, unet=unet)
    )
    more = Trainer(config(cascade="tiny-more"))
    checkpoints.start_from(more, tmp_path)
    own = more.network.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in plain.network.state_dict().items())
    with torch.no_grad():
        for network in (plain.network, more.network):
            torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(1))  # type: ignore[union-attr, arg-type]
    tokens = torch.randn(1, 4, plain.config.text.width, generator=torch.Generator().manual_seed(2))
    text = TextStates(tokens, torch.ones(1, 4, dtype=torch.bool))
    asked = (torch.randn(1, 3, 64, 64), torch.tensor([0.5]), text, torch.tensor([True]))
    drawn = plain.network(*asked)
    assert float(drawn.detach().std()) > 0.1
    assert torch.allclose(drawn, more.network(*asked), atol=1e-5)


def test_the_command_refuses_what_has_no_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sr.json"
    shown = {
        "cascade": "imagen-mini", "stage": "sr256", "data": {"kind": "scenes", "sprites": "x"},
        "batch": 2, "learning_rate": 0.1, "crop": 64,
    }  # fmt: skip
    path.write_text(json.dumps(shown))
    assert placing.main([str(path)]) == 2
    assert "places are taught to a base" in capsys.readouterr().err
    assert placing.main([str(tmp_path / "none.json")]) == 2
