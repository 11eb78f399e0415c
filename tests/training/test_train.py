"""The training loop: it learns, it resumes to the identical next step, it refuses what can't be."""

import dataclasses
import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from generators.cascade import configs
from generators.cascade.checkpoint import open_weights
from generators.cascade.configs import IMAGEN_MINI, CascadeConfig, ConfigError, UNetConfig
from generators.training import train as command
from generators.training.captions_cache import CaptionCache
from generators.training.config import TrainConfig, load_train_config
from generators.training.data import SceneData, load_data
from generators.training.data_config import ScenesConfig
from generators.training.export import export
from generators.training.objective import PowerEma, gamma_of
from generators.training.scenes.captions import Scene, Thing
from generators.training.scenes.render import Renderer
from generators.training.train import Trainer, train

SHIPPED = Path("generators/training/configs")

UNET = UNetConfig(
    kind="base",
    channels=(16, 32),
    blocks=(1, 1),
    self_attention=(),
    text_attention=(1,),
    embedding=32,
    text_width=16,
    head_width=16,
    patch=4,
)
TINY = dataclasses.replace(
    IMAGEN_MINI,
    name="tiny",
    base=dataclasses.replace(IMAGEN_MINI.base, unet=UNET),
    sr256=dataclasses.replace(
        IMAGEN_MINI.sr256, unet=dataclasses.replace(UNET, kind="efficient", skip_scaling="residual")
    ),
)


@pytest.fixture(autouse=True)
def tiny_cascade(monkeypatch: pytest.MonkeyPatch) -> CascadeConfig:
    monkeypatch.setitem(configs.CASCADES, "tiny", TINY)
    torch.manual_seed(0)
    return TINY


def config(**changes: object) -> TrainConfig:
    plain = TrainConfig(
        cascade="tiny",
        stage="base",
        seed=3,
        batch=8,
        learning_rate=3e-3,
        warmup=5,
        cooldown=0.5,
        weight_decay=0.0,
        clip=1.0,
        text_drop=0.1,
        ema_std=0.1,
        crop=64,
        max_aug=0.0,
        bf16=False,
        data=ScenesConfig(sprites=""),
        cache="",
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def data(wanted: TrainConfig) -> SceneData:
    """A world of two scenes, a red and a blue square, with made-up token states."""
    square = np.full((512, 512, 4), 255, dtype=np.uint8)
    pool = [Scene((Thing("ball", colour),), f"a {colour} ball") for colour in ("red", "blue")]
    states = np.random.default_rng(0).standard_normal((4, 384)).astype(np.float16)
    return SceneData(wanted, pool, CaptionCache(states, np.array([0, 2, 4])), Renderer({"ball": square}))


def test_it_learns_a_world_of_two_colours() -> None:
    """After a few seconds the text decides the colour: the denoised image of pure noise is redder for "red"."""
    wanted = config()
    trainer, world = Trainer(wanted), data(wanted)
    losses = [trainer.step(world, step / 80) for step in range(80)]
    assert np.mean(losses[-20:]) < 0.85 * np.mean(losses[:10])
    z = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).repeat(2, 1, 1, 1)
    states = world._cache.batch([0, 1])
    with torch.no_grad():
        x0 = -trainer.network(z, torch.ones(2), states, torch.ones(2, dtype=torch.bool))  # v at t = 1 is -x0
    redness = (x0[:, 0] - x0[:, 2]).mean(dim=(1, 2))
    assert redness[0] > redness[1] + 0.3


@pytest.mark.parametrize("stage", ["base", "sr256"])
def test_a_resumed_training_takes_the_identical_next_step(stage: str, tmp_path: Path) -> None:
    wanted = config(stage=stage, batch=2, crop=64, max_aug=0.0 if stage == "base" else 1.0)
    world = data(wanted)
    whole = Trainer(wanted)
    train(whole, world, tmp_path / "whole", minutes=None, steps=6)

    broken = Trainer(wanted)
    for step in range(3):
        broken.step(world, step / 6)
    broken.save(tmp_path / "broken")
    broken.step(world, 0.5)  # lost with the process
    torch.manual_seed(99)  # the new process's own state must not matter
    resumed = Trainer(wanted)
    resumed.load(tmp_path / "broken")
    train(resumed, world, tmp_path / "broken", minutes=None, steps=6)

    assert resumed.progress.step == whole.progress.step == 6
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    for name, value in whole.ema.weights.items():
        assert torch.equal(value, resumed.ema.weights[name]), name


def test_what_it_writes_can_be_used_and_gathered(tmp_path: Path) -> None:
    for stage in ("base", "sr256"):
        wanted = config(stage=stage, batch=2)
        train(Trainer(wanted), data(wanted), tmp_path / stage, minutes=None, steps=1)
    assert open_weights(tmp_path / "base").load("base").stage == TINY.base
    lines = export([tmp_path / "base", tmp_path / "sr256"], tmp_path / "all")
    assert len(lines) == 2 and "1 steps of 2" in lines[0]
    gathered = open_weights(tmp_path / "all")
    assert gathered.cascade == "tiny" and set(gathered.hashes) == {"base", "sr256"}
    log = [json.loads(line) for line in (tmp_path / "base" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 1


def test_a_budget_in_minutes_ends_and_counts_all_runs(tmp_path: Path) -> None:
    wanted = config(batch=2)
    world = data(wanted)
    trainer = Trainer(wanted)
    train(trainer, world, tmp_path, minutes=1e-4, steps=None)
    steps = trainer.progress.step
    assert steps >= 1
    again = Trainer(wanted)
    again.load(tmp_path)
    train(again, world, tmp_path, minutes=1e-4, steps=None)
    assert again.progress.step == steps  # spent before


def test_batches_depend_on_their_number_alone() -> None:
    one, other = data(config()), data(config())
    one.batch(1)
    assert torch.equal(one.batch(7).images, other.batch(7).images)
    assert not torch.equal(one.batch(7).images, one.batch(8).images)


def test_crops_and_their_low_resolution_agree() -> None:
    batch = data(config(stage="sr256", batch=8, crop=128)).batch(0)
    assert batch.images.shape == (8, 3, 128, 128)
    assert batch.low_res is not None and batch.low_res.shape == (8, 3, 32, 32)
    assert torch.allclose(batch.images.mean(), batch.low_res.mean(), atol=1e-5)


def test_the_learning_rate_warms_up_and_cools_down() -> None:
    trainer = Trainer(config())
    assert trainer.learning_rate(0.0) == pytest.approx(3e-3 / 5)
    trainer.progress.step = 100
    assert trainer.learning_rate(0.4) == pytest.approx(3e-3)
    assert trainer.learning_rate(0.75) == pytest.approx(1.5e-3)
    assert trainer.learning_rate(1.0) == 0.0


def test_power_average_by_hand() -> None:
    """beta_n = (1 - 1/n)^(gamma + 1): the first step takes the weights whole, the second (1 - 2^-(gamma + 1))."""
    network = torch.nn.Linear(1, 1, bias=False)
    ema = PowerEma(network, 0.1)
    network.weight.data.fill_(1.0)
    ema.update(network, 1)
    assert ema.weights["weight"].item() == 1.0
    network.weight.data.fill_(0.0)
    ema.update(network, 2)
    assert ema.weights["weight"].item() == pytest.approx(2 ** -(ema.gamma + 1), rel=1e-4)
    assert gamma_of(0.1) == pytest.approx(6.94, abs=0.01) and gamma_of(0.05) == pytest.approx(16.97, abs=0.01)


@pytest.mark.parametrize("name", ["mini-base.json", "mini-sr256.json", "mini-sr1024.json"])
def test_shipped_configurations_are_whole(name: str) -> None:
    wanted = load_train_config(SHIPPED / name)
    assert wanted.network.name in name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cascade": "imagen-xl"}, "unknown"),
        ({"stage": "sr512"}, "unknown"),
        ({"batch": 0}, "batch"),
        ({"crop": 72}, "multiple of 16"),
        ({"crop": 128}, "at most 64"),
        ({"text_drop": 1.5}, "text_drop"),
    ],
)
def test_configurations_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(**changes)


def test_bad_input_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*arguments: str) -> str:
        assert command.main([*arguments, "--steps", "1", "--out", str(tmp_path / "out")]) == 2
        return capsys.readouterr().err

    assert "No such file" in fails(str(tmp_path / "none.json"))
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    assert "not JSON" in fails(str(bad))
    bad.write_text('{"stage": "base", "colour": 1}')
    assert "unknown colour" in fails(str(bad))
    assert "nothing to go on from" in fails(str(SHIPPED / "mini-base.json"), "--resume")
    fine = json.loads((SHIPPED / "mini-base.json").read_text())
    bad.write_text(json.dumps({**fine, "data": {"kind": "scenes", "sprites": str(tmp_path / "none.npz")}}))
    assert "no sprites" in fails(str(bad))


def test_a_state_of_another_configuration_or_cut_short(tmp_path: Path) -> None:
    trainer = Trainer(config())
    trainer.save(tmp_path)
    with pytest.raises(ConfigError, match="another configuration"):
        Trainer(config(batch=4)).load(tmp_path)
    state = tmp_path / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(ConfigError, match="can't be read"):
        Trainer(config()).load(tmp_path)


def test_stopped_it_saves_and_ends(tmp_path: Path) -> None:
    wanted = config(batch=2)
    stop = threading.Event()
    stop.set()
    trainer = Trainer(wanted)
    trainer.step(data(wanted), 0.0)
    train(trainer, data(wanted), tmp_path, minutes=None, steps=1000, stop=stop)
    again = Trainer(wanted)
    again.load(tmp_path)
    assert again.progress.step == 1


def test_a_start_from_another_training_takes_its_weights_alone(tmp_path: Path) -> None:
    wanted = config(batch=2)
    first = Trainer(wanted)
    train(first, data(wanted), tmp_path, minutes=None, steps=2)
    second = Trainer(config(batch=4))
    second.start_from(tmp_path)
    assert second.progress.step == 0
    live = first.network.state_dict()
    assert all(torch.equal(value, live[name]) for name, value in second.network.state_dict().items())
    with pytest.raises(ConfigError, match="another network"):
        Trainer(config(stage="sr256")).start_from(tmp_path)


def test_named_concepts_alone_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    square = np.full((512, 512, 4), 255, dtype=np.uint8)
    np.savez(tmp_path / "sprites.npz", apple=square, car=square, dog=square)

    def encoded(captions: list[str], *rest: object) -> CaptionCache:
        return CaptionCache(np.zeros((len(captions), 384), dtype=np.float16), np.arange(len(captions) + 1))

    monkeypatch.setattr("generators.training.data.load_captions", encoded)
    wanted = config(data=ScenesConfig(captions=60, concepts=("apple", "car"), sprites=str(tmp_path / "sprites.npz")))
    world = load_data(wanted)
    assert isinstance(world, SceneData)
    assert 0 < len(world.pool) < 60
    assert {thing.concept for scene in world.pool for thing in scene.things} == {"apple", "car"}
    assert len(world._cache.starts) == len(world.pool) + 1
