"""The scene CLIP: its hard negatives, its loss, its file, its measures; and that it learns."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from generators.cascade.blocks import TextStates
from generators.cascade.configs import MINILM, ConfigError
from generators.training.captions_cache import CaptionCache
from generators.training.fitting import Pace, fit
from generators.training.scene_clip_examples import Examples, captions_of, pairs
from generators.training.scene_clip_train import SceneClipTraining, train_scene_clip
from generators.world.scene_clip import load
from generators.world.scene_clip.contrary import CHANGES, contrary, same_scenes
from generators.world.scene_clip.load import SceneClipError, load_scene_clip, save_scene_clip
from generators.world.scene_clip.measure import measure
from generators.world.scene_clip.network import SceneClip, SceneClipConfig
from generators.world.scenes import WORLD
from generators.world.scenes.captions import Scene, Thing, sample_scene
from generators.world.scenes.compose import SceneComposer
from generators.world.scenes.concepts import CONCEPTS
from generators.world.scenes.held_out import held_out_in
from generators.world.scenes.render import Renderer

SMALL = SceneClipConfig(width=(16, 32, 32), layers=1, embedding=32)
NAMES = ("apple", "box", "car", "dog", "star", "tree")


def sprites() -> dict[str, np.ndarray]:
    """Grey rings, each of another width."""
    y, x = np.mgrid[0:64, 0:64]
    away = np.hypot(x - 31.5, y - 31.5)
    held = {}
    for index, name in enumerate(NAMES):
        ring = np.zeros((64, 64, 4), np.uint8)
        ring[(away < 30) & (away > 4 * index)] = (128, 128, 128, 255)
        held[name] = ring
    return held


def made_up(captions: list[str], seed: int = 0) -> CaptionCache:
    """A state a word, the same for the same word."""
    words = sorted({word for caption in captions for word in caption.lower().strip(".").split()})
    table = np.random.default_rng(seed).standard_normal((len(words), 384)).astype(np.float16)
    rows = [[words.index(word) for word in caption.lower().strip(".").split()] for caption in captions]
    starts = np.concatenate(([0], np.cumsum([len(row) for row in rows])))
    return CaptionCache(np.concatenate([table[row] for row in rows]), starts)


def changed(scene: Scene, change: str, seed: int = 0) -> Scene:
    other = contrary(scene, change, np.random.default_rng(seed))  # type: ignore[arg-type]
    assert other is not None
    return other


def test_contraries_change_one_thing_and_their_words_say_it() -> None:
    two = Scene((Thing("cat", "red"), Thing("dog", "orange")), "A red cat and an orange dog.")
    assert changed(two, "colours").caption == "An orange cat and a red dog."
    assert [thing.colour for thing in changed(two, "colours").things] == ["orange", "red"]
    grey = Scene((Thing("cat", "gray"), Thing("owl", "blue")), "a blue owl with a grey cat to its left", "left")
    assert changed(grey, "colours").caption == "a grey owl with a blue cat to its left"
    assert (changed(grey, "relation").caption, changed(grey, "relation").relation) == (
        "a blue owl with a grey cat to its right", "right",
    )  # fmt: skip
    on = Scene((Thing("cat"), Thing("box")), "A cat on top of a box on the grass.", "on", "grass")
    assert (changed(on, "relation").caption, changed(on, "relation").relation) == (
        "A cat underneath a box on the grass.", "under",
    )  # fmt: skip
    three = Scene((Thing("cat", None, 3), Thing("dog")), "Three cats and one dog.", category="Counting")
    others = {changed(three, "count", seed).things[0].count for seed in range(40)}
    assert others == {2, 4, 5, 6}
    assert changed(three, "count").caption.split()[0] in ("Two", "Four", "Five", "Six")


@pytest.mark.parametrize(
    ("scene", "change"),
    [
        (Scene((Thing("cat", "red"), Thing("dog", "red")), "a red cat and a red dog"), "colours"),
        (Scene((Thing("cat", "red"), Thing("dog")), "a red cat and a dog"), "colours"),
        (Scene((Thing("cat"), Thing("dog")), "a cat beside a dog", "beside"), "relation"),
        (Scene((Thing("cat"), Thing("box")), "a cat sitting on a box", "on"), "relation"),
        (Scene((Thing("cat", None, 2),), "a couple of cats"), "count"),
        (Scene((Thing("cat"),), "a cat"), "count"),
        (Scene((Thing("cat", None, 3),), "Trhee cats.", intended="Three cats."), "count"),
    ],
    ids=lambda value: value.caption if isinstance(value, Scene) else value,
)
def test_what_has_no_contrary(scene: Scene, change: str) -> None:
    assert contrary(scene, change, np.random.default_rng(0)) is None  # type: ignore[arg-type]


def test_contraries_of_the_whole_world() -> None:
    """Each differs in what it should alone, in its truth as in its words; and none is held out in training."""
    rng = np.random.default_rng(5)
    seen = dict.fromkeys(CHANGES, 0)
    for _ in range(600):
        scene = sample_scene(rng, tuple(CONCEPTS))
        for change in CHANGES:
            other = contrary(scene, change, rng)
            if other is None:
                continue
            seen[change] += 1
            assert other.caption != scene.caption and other.background == scene.background
            assert [thing.concept for thing in other.things] == [thing.concept for thing in scene.things]
            assert (other.relation != scene.relation) == (change == "relation")
            assert ([t.count for t in other.things] != [t.count for t in scene.things]) == (change == "count")
            assert ([t.colour for t in other.things] != [t.colour for t in scene.things]) == (change == "colours")
            assert not any(f"{article} {word}" in f" {other.caption.lower()} " for article, word in
                           ((" a", "orange "), (" an", "red "), (" an", "blue "), (" an", "green ")))  # fmt: skip
    assert min(seen.values()) > 20
    held = pairs(300, tuple(CONCEPTS), seed=1)
    assert all(pair.other is None or not held_out_in(pair.other) for pair in held)
    assert 0.15 < sum(pair.other is not None for pair in held) / len(held) < 0.7


def test_batches_depend_on_their_number_and_hold_both_of_a_pair() -> None:
    held = pairs(40, NAMES, seed=1)
    cache = made_up(captions_of(held))
    examples = Examples(held, cache, Renderer(sprites()), seed=3, batch=16)
    one, again, other = examples.batch(5), examples.batch(5), examples.batch(6)
    assert torch.equal(one[0], again[0]) and torch.equal(one[1].tokens, again[1].tokens)
    assert one[0].shape != other[0].shape or not torch.equal(one[0], other[0])
    assert 14 <= len(one[0]) <= 16 and len(one[1].tokens) == len(one[0]) == len(one[2])
    drawn = Examples(held, cache, Renderer(sprites()), seed=3, batch=16, composer=SceneComposer(sprites()))
    assert (drawn.batch(5)[0] - one[0]).abs().mean() * 127.5 < 1.5


def test_scenes_that_show_the_same_are_no_negatives() -> None:
    cat, dog = Thing("cat", "red"), Thing("dog")
    scenes = [Scene((cat,), "a red cat"), Scene((dog,), "a dog"), Scene((cat,), "A photo of a red cat.")]
    same = same_scenes(scenes)
    assert same.tolist() == [[False, False, True], [False, False, False], [True, False, False]]
    network = SceneClip(SMALL)
    rows = torch.eye(3)
    twin = torch.stack((rows[0], rows[1], rows[0]))
    assert network.loss(twin, twin, same) < 0.01 < network.loss(twin, twin, torch.zeros(3, 3, dtype=torch.bool))


def test_padding_changes_no_text() -> None:
    network = SceneClip(SMALL).eval()
    tokens = torch.randn(1, 4, 384)
    padded = torch.cat((tokens, torch.randn(1, 3, 384)), 1)
    mask = torch.tensor([[True] * 4 + [False] * 3])
    alone = network.text(TextStates(tokens, mask[:, :4]))
    assert torch.allclose(alone, network.text(TextStates(padded, mask)), atol=1e-6)
    assert torch.allclose(alone.norm(dim=1), torch.ones(1))


def test_it_learns_pictures_by_their_captions() -> None:
    torch.manual_seed(0)
    held = pairs(24, NAMES, seed=1)
    examples = Examples(held, made_up(captions_of(held)), Renderer(sprites()), seed=0, batch=16)
    network = SceneClip(SMALL)
    images, text, same = examples.batch(0)

    def loss_of(step: int) -> torch.Tensor:
        seen, said = network(images, text)
        return network.loss(seen, said, same)

    before = float(loss_of(0).detach())
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for step in range(60):
        optimiser.zero_grad()
        loss_of(step).backward()
        optimiser.step()
    assert float(loss_of(0).detach()) < 0.3 < before


def small_file(path: Path, about: dict[str, object]) -> SceneClip:
    torch.manual_seed(1)
    network = SceneClip(SMALL)
    save_scene_clip(path, network, SMALL, MINILM, about)
    return network.eval()


def test_its_file_gives_the_same_back(tmp_path: Path) -> None:
    network = small_file(tmp_path / "clip.safetensors", {"world": "test"})
    clip = load_scene_clip(tmp_path / "clip.safetensors")
    assert clip.about == {"world": "test"} and clip.config == SMALL and len(clip.sha256) == 64
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    rows = clip.images(pictures)
    assert rows.shape == (3, 32) and np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    assert np.allclose(rows, network.image(images).detach().numpy(), atol=5e-3)
    texts, facts = clip.texts(["a red cat", "x " * 100])
    assert texts.shape == (2, 32) and facts[0].cut == 0 < facts[1].cut
    assert np.allclose(texts[:1], clip.texts(["a red cat"])[0], atol=1e-5)  # no neighbour's length changes it


@pytest.mark.parametrize("damage", ["missing", "cut", "schema", "config"])
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "clip.safetensors"
    network = small_file(path, {})
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "schema":
        save_file({"a": torch.zeros(1)}, path, metadata={"schema": "other/1"})
    else:
        told = {"schema": "drawbench-scene-clip/1", "config": json.dumps({"width": [8]}), "text": "{}", "about": "{}"}
        save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path, metadata=told)
    message = {"missing": "are not there", "schema": "has the schema 'other/1'"}.get(damage, "no whole scene CLIP")
    with pytest.raises(SceneClipError, match=message):
        load_scene_clip(path)


def test_measures_of_one_that_knows_nothing(tmp_path: Path) -> None:
    """About chance: one of 16, and half."""
    small_file(tmp_path / "clip.safetensors", {})
    told = measure(load_scene_clip(tmp_path / "clip.safetensors"), Renderer(sprites()), 32, seed=0, among=16)
    assert told["retrieval_text"] < 0.4 and told["n_retrieval"] == 32 and told["n_colours"] == 32
    assert 0.2 < told["binding_colours"] < 0.8 and 0.2 < told["binding_count"] < 0.8


def test_trained_by_its_command_stopped_and_gone_on(tmp_path: Path) -> None:
    np.savez(tmp_path / "sprites.npz", **sprites())  # type: ignore[arg-type]
    stop = threading.Event()
    lines: list[str] = []

    def trained(minutes: float, stop: threading.Event | None = None) -> bool:
        training = SceneClipTraining(
            tmp_path / "sprites.npz", tmp_path / "clip.safetensors", minutes=minutes, batch=8, scenes=12,
            cache=tmp_path, folder=tmp_path / "run", exclude=(), measured=16, config=SMALL,
        )  # fmt: skip
        return train_scene_clip(training, stop=stop, report=lines.append)

    stop.set()
    assert trained(100, stop=stop) is False and (tmp_path / "run" / "state.pt").is_file()
    assert not (tmp_path / "clip.safetensors").exists()
    assert trained(1e-4) is True
    about = load_scene_clip(tmp_path / "clip.safetensors").about
    assert about["world"] == "scenes/2" and "1 steps of 8 renders" in str(about["trained"])
    assert isinstance(about["measured"], dict) and "retrieval_text" in about["measured"]
    assert any(line.startswith("binding_count") for line in lines)


def test_fitting_goes_on_exactly(tmp_path: Path) -> None:
    """Stopped after any step and gone on, the weights are those of one run; the rate here does not hang on the time."""

    def run(folder: Path | None, stops: list[int]) -> torch.Tensor:
        for end in stops:
            torch.manual_seed(0)
            network = torch.nn.Linear(3, 1)
            stop = threading.Event()

            def loss_of(step: int, network: torch.nn.Module = network, end: int = end, stop: threading.Event = stop):  # type: ignore[no-untyped-def]
                if step + 1 == end:
                    stop.set()
                x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
                return (network(x) - x.sum(1, keepdim=True)).square().mean()

            done = fit(
                "x",
                network,
                loss_of,
                Pace(1e-2, 1, 1e-9),
                minutes=60,
                folder=folder,
                stop=stop,
                report=lambda line: None,
            )
            assert (done.steps, done.finished) == (end, False)
        return network.weight.detach()

    assert torch.equal(run(None, [7]), run(tmp_path, [2, 3, 7]))
    (tmp_path / "state.pt").write_bytes(b"no state")
    with pytest.raises(ConfigError, match="Delete it to start again"):
        run(tmp_path, [8])


def test_what_ships_is_what_the_page_says() -> None:
    """Small, of this world, and with the measures that docs/training-world.md shows."""
    path = load.BUNDLED
    assert path.stat().st_size <= 4_000_000
    clip = load_scene_clip(path)
    assert clip.about["world"] == WORLD
    told = clip.about["measured"]
    assert isinstance(told, dict)
    page = (Path(__file__).parents[2] / "docs" / "training-world.md").read_text(encoding="utf-8")
    for name in ("retrieval_text", "retrieval_image", "binding_count", "binding_colours", "binding_relation"):
        assert f"| {100 * told[name]:.1f} % |" in page, name
    held_out = (told["retrieval_text_held_out"], told["retrieval_image_held_out"])
    assert f"| {100 * held_out[0]:.1f} %, {100 * held_out[1]:.1f} % |" in page
    assert f"{int(str(clip.about['trained']).split()[0]):,} steps of 64 renders" in " ".join(page.split())
    texts, _ = clip.texts(["a red cat", "a red cat ", "three blue whales"])
    assert np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5) and texts[0] @ texts[2] < 0.9
