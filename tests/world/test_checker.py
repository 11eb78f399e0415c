"""The scene checker: its targets, its judgements, its file; and that it learns."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from generators.training.checker_train import begin_with
from generators.world.checker.find import (
    CheckerError,
    Detected,
    LoadedChecker,
    fitted,
    load_checker,
    read,
    save_checker,
    things,
)
from generators.world.checker.judge import judge, right_letters
from generators.world.checker.measure import summary
from generators.world.checker.network import GRID, SIZE, Checker, CheckerConfig, checker_loss
from generators.world.checker.render import Examples, as_input, box_of, classes_of, config_of, targets, worn
from generators.world.scenes.captions import Scene, Thing
from generators.world.scenes.layout import Layout, Placed, lay_out
from generators.world.scenes.render import Renderer
from generators.world.scenes.truth import Sign

CONCEPTS = ("apple", "box")


def sprites() -> dict[str, np.ndarray]:
    """A disc and a square, grey."""
    y, x = np.mgrid[0:64, 0:64]
    disc = np.zeros((64, 64, 4), np.uint8)
    disc[(x - 31.5) ** 2 + (y - 31.5) ** 2 < 30**2] = (128, 128, 128, 255)
    square = np.zeros((64, 64, 4), np.uint8)
    square[4:60, 4:60] = (128, 128, 128, 255)
    return {"apple": disc, "box": square}


def found(name: str, x: float, y: float, colour: str = "red", side: float = 0.2) -> Detected:
    return Detected(name, (x - side / 2, y - side / 2, x + side / 2, y + side / 2), 0.9, colour)


def test_targets_stand_where_the_things_are() -> None:
    config = config_of(CONCEPTS)
    layout = Layout(
        (Placed("apple", "red", 0.25, 0.5, 0.4), Placed("box", None, 0.8, 0.8, 0.2)), (0, 0, 0), (0, 0, 0), None
    )
    heat, boxes, colour = targets([layout], config)
    assert heat.shape == (1, len(config.classes), GRID, GRID)
    assert heat[0, 0, 8, 4] == 1 and heat[0, 1, 12, 12] == 1
    assert (heat == 1).sum() == 2 and heat[0, 0, 8, 5] > heat[0, 0, 8, 6] > 0
    x, y, wide, high = box_of(layout.objects[0])
    np.testing.assert_allclose(boxes[0, :, 8, 4], [x * GRID - 4, y * GRID - 8, wide, high], rtol=1e-6)
    assert colour[0, 8, 4] == config.colours.index("red") and colour[0, 12, 12] == -1
    assert bool(boxes[0, :, 0, 0].isnan().all())


def test_letters_are_classes_whatever_their_case_and_font() -> None:
    config = config_of(CONCEPTS)
    assert len(config.classes) == 2 + 36
    layout = Layout((Placed("glyph/mono/b", None, 0.5, 0.5, 0.2, thing=-1),), (0, 0, 0), (0, 0, 0), None)
    heat, boxes, _ = targets([layout], config)
    assert heat[0, config.classes.index("letter/B"), 8, 8] == 1
    assert 0.05 < float(boxes[0, 3, 8, 8]) < 0.2


def test_the_loss_is_least_for_the_truth_and_counts_only_what_is_there() -> None:
    config = config_of(CONCEPTS)
    layout = Layout((Placed("apple", "red", 0.25, 0.5, 0.4),), (0, 0, 0), (0, 0, 0), None)
    heat, boxes, colour = targets([layout], config)
    right = (heat.clamp(1e-3, 1 - 1e-3).logit(), boxes.nan_to_num(0.3), torch.zeros(1, 11, GRID, GRID))
    right[2][0, 0] = 9.0
    wrong_place = (torch.flip(right[0], (3,)), *right[1:])
    wrong_size = (right[0], boxes.nan_to_num(0.3) + 0.1, right[2])
    elsewhere = (right[0], torch.where(boxes.isnan(), 0.9, boxes), right[2])
    wrong_colour = (*right[:2], -right[2])

    def loss(seen: tuple[torch.Tensor, ...]) -> float:
        from generators.world.checker.network import Seen

        return float(checker_loss(Seen(*seen), heat, boxes, colour))

    least = loss(right)
    assert loss(elsewhere) == pytest.approx(least)
    assert all(loss(seen) > least + 0.05 for seen in (wrong_place, wrong_size, wrong_colour))


def test_it_learns_and_its_file_gives_the_same_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    renderer = Renderer(sprites())
    examples = Examples(renderer, CONCEPTS, 0, 8)
    assert torch.equal(examples.batch(3)[0], examples.batch(3)[0])
    network = Checker(CheckerConfig(examples.config.classes, examples.config.colours, (16, 32, 32)))
    config = CheckerConfig(examples.config.classes, examples.config.colours, (16, 32, 32))
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3)
    layouts = [
        lay_out(Scene((Thing(name, colour),), ""), np.random.default_rng(n))
        for n, (name, colour) in enumerate([("apple", "red"), ("box", "blue"), ("apple", "yellow"), ("box", "green")])
    ]
    pictures = np.stack([renderer.draw(layout, SIZE) for layout in layouts])
    images, wanted = as_input(pictures), targets(layouts, config)
    for _ in range(120):
        optimiser.zero_grad()
        checker_loss(network(images), *wanted).backward()
        optimiser.step()
    save_checker(tmp_path / "checker.safetensors", network, config, {"world": "test"})
    held = load_checker(tmp_path / "checker.safetensors")
    assert held.about == {"world": "test"} and held.config == config
    seen = held.find(pictures)
    assert [(one.name, one.colour) for each in seen for one in each[:1]] == [
        ("apple", "red"), ("box", "blue"), ("apple", "yellow"), ("box", "green"),
    ]  # fmt: skip
    for each, layout in zip(seen, layouts, strict=True):
        x, y, _, _ = box_of(layout.objects[0])
        assert abs(each[0].middle[0] - x) < 0.08 and abs(each[0].middle[1] - y) < 0.08
    one_by_one = [each for picture in pictures for each in held.find(picture[None])]
    assert [[one.name for one in each] for each in one_by_one] == [[one.name for one in each] for each in seen]


def test_one_of_fewer_concepts_begins_with_what_another_knows() -> None:
    config = CheckerConfig(classes_of(("apple", "box", "cat")), ("red",), (8, 16, 16))
    other = LoadedChecker(Checker(config), config, {}, "")
    few = CheckerConfig(classes_of(("cat", "dog")), ("red",), (8, 16, 16))
    network = Checker(few)
    fresh = network.heat.weight[1].clone()
    begin_with(network, few, other)
    assert torch.equal(network.heat.weight[0], other.network.heat.weight[2])
    assert torch.equal(network.heat.weight[1], fresh)
    assert torch.equal(network.stem.weight, other.network.stem.weight)
    with pytest.raises(CheckerError, match="another width"):
        begin_with(Checker(config_of(("cat",))), config_of(("cat",)), other)


@pytest.mark.parametrize("damage", ["missing", "cut", "schema", "classes"])
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "checker.safetensors"
    config = CheckerConfig(classes_of(CONCEPTS), ("red",), (8, 16, 16))
    save_checker(path, Checker(config), config, {})
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "schema":
        save_file({"a": torch.zeros(1)}, path, metadata={"schema": "other/1"})
    else:
        told = json.dumps({"classes": ["apple"], "colours": ["red"], "width": [8, 16, 16]})
        save_file(Checker(config).state_dict(), path, metadata={"schema": "drawbench-checker/1", "checker": told})
    message = {"missing": "are not there", "schema": "has the schema 'other/1'"}.get(
        damage, "no whole scene checker file"
    )
    with pytest.raises(CheckerError, match=message):
        load_checker(path)


def test_colours_are_dealt_out_among_things_of_one_name() -> None:
    scene = Scene((Thing("apple", "red"), Thing("apple", "green")), "")
    both = [found("apple", 0.2, 0.5, "green"), found("apple", 0.8, 0.5, "red")]
    assert judge(scene, both).colours is True
    assert judge(scene, [found("apple", 0.2, 0.5, "green")] * 2).colours is False
    assert judge(scene, both[:1]).counts is False and judge(scene, both).counts is True


@pytest.mark.parametrize(
    ("relation", "first", "second", "stands"),
    [
        ("left", (0.2, 0.5), (0.8, 0.5), True),
        ("left", (0.8, 0.5), (0.2, 0.5), False),
        ("left", (0.4, 0.1), (0.5, 0.9), False),
        ("right", (0.8, 0.5), (0.2, 0.5), True),
        ("above", (0.5, 0.2), (0.5, 0.8), True),
        ("below", (0.5, 0.2), (0.5, 0.8), False),
        ("under", (0.3, 0.8), (0.5, 0.4), True),
        ("on", (0.3, 0.8), (0.5, 0.4), False),
        ("inside", (0.5, 0.5), (0.5, 0.5), None),
        (None, (0.2, 0.5), (0.8, 0.5), None),
    ],
)
def test_position(
    relation: str | None, first: tuple[float, float], second: tuple[float, float], stands: bool | None
) -> None:
    scene = Scene((Thing("apple"), Thing("box")), "", relation)  # type: ignore[arg-type]
    assert judge(scene, [found("apple", *first), found("box", *second)]).position is stands
    if stands is not None:
        assert judge(scene, [found("apple", *first)]).position is False


def test_what_is_not_there_fails() -> None:
    verdict = judge(Scene((Thing("apple", "red", 2),), ""), [found("box", 0.5, 0.5)])
    assert (verdict.objects, verdict.colours, verdict.counts) == (False, False, False)
    assert verdict.position is None and verdict.characters is None
    assert summary([verdict, judge(Scene((Thing("box"),), ""), [found("box", 0.5, 0.5)])]) == {
        "objects": 0.5, "colours": 0.0, "counts": 0.5,
    }  # fmt: skip


def test_letters_are_read_line_by_line() -> None:
    seen = [
        found("letter/E", 0.6, 0.32, side=0.1), found("letter/L", 0.3, 0.7, side=0.1),
        found("letter/D", 0.4, 0.3, side=0.1), found("box", 0.5, 0.5, side=0.9), found("letter/N", 0.5, 0.68, side=0.1),
    ]  # fmt: skip
    assert read(seen) == "DE LN"
    assert [one.name for one in things(seen)] == ["box"]
    verdict = judge(Scene((Thing("box"),), "", sign=Sign("De Ln", "black")), seen)
    assert verdict.characters == 1.0


@pytest.mark.parametrize(
    ("wanted", "seen", "share"),
    [("Deep", "DEEP", 1.0), ("DEEP", "DEP", 0.75), ("A B", "AB", 1.0), ("A", "XYZ", 0.0), ("AB", "", 0.0)],
)
def test_right_letters(wanted: str, seen: str, share: float) -> None:
    assert right_letters(wanted, seen) == share


def test_larger_pictures_are_averaged_down_and_worn_ones_stay_in_range() -> None:
    wide = Image.new("RGB", (512, 256), "red")
    wide.paste("blue", (128, 0, 384, 256))
    assert (fitted(wide) == (0, 0, 255)).all()
    images = worn(torch.ones(4, 3, SIZE, SIZE), torch.Generator().manual_seed(0))
    assert images.shape == (4, 3, SIZE, SIZE) and float(images.abs().max()) <= 1


def test_the_checker_that_ships() -> None:
    held = load_checker()
    assert {"apple", "umbrella"} <= set(held.config.classes) and held.about["world"] == "scenes/2"
    measured = held.about["measured"]
    assert isinstance(measured, dict) and measured["objects"] > 0.9
