"""A text side learns to say what another's says, and nothing that it was not told."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from generators.cascade import configs
from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import open_weights
from generators.cascade.configs import ConfigError, TextConfig
from generators.training import checkpoints, hearing
from generators.training.captions_cache import load_captions
from generators.training.data import SceneData, scene_pool
from generators.training.data_config import ScenesConfig
from generators.training.fitting import Pace
from generators.training.hearing import Hearing, teach, unsaid
from generators.training.trainer import Trainer
from generators.training.turned import Turned
from tests.training.test_placing import CONCEPTS, squares, with_map
from tests.training.toy import config

WIDTH = 24
PACE = Pace(learning_rate=5e-3, warmup=5, cooldown=0.5, weight_decay=0.0, clip=1.0, steps=60)


@pytest.fixture
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Hearing]:
    """A teacher with random weights, and a pupil told a part of each token's states, or nothing."""
    teacher = with_map()
    checkpoints.save(Trainer(teacher), tmp_path / "teacher")
    named = configs.CASCADES["tiny-map"]
    configs.CASCADES["tiny-pupil"] = dataclasses.replace(
        named, name="tiny-pupil", text=TextConfig("another", WIDTH, named.text.max_tokens)
    )
    scenes = teacher.data
    assert isinstance(scenes, ScenesConfig)
    pool = scene_pool(scenes, CONCEPTS, teacher.seed)
    cache = load_captions([scene.caption for scene in pool], teacher.text, tmp_path)
    renderer = squares(CONCEPTS)

    def of(*, share: float = 1.0, steps: int = PACE.steps, folder: Path | None = None, out: str = "out") -> Hearing:
        plain = dataclasses.replace(teacher, batch=hearing.BATCH)
        told = torch.randn(teacher.text.width, WIDTH, generator=torch.Generator().manual_seed(5)) * share

        def turn(batch: object) -> object:
            text = batch.text  # type: ignore[attr-defined]
            return dataclasses.replace(batch, text=TextStates(text.tokens.float() @ told, text.mask))  # type: ignore[type-var]

        data = Turned(SceneData(plain, pool, cache, renderer), turn)  # type: ignore[arg-type]
        monkeypatch.setattr(hearing, "load_data", lambda *given: data)
        pupil = dataclasses.replace(teacher, cascade="tiny-pupil")
        pace = dataclasses.replace(PACE, steps=steps)
        return Hearing(pupil, tmp_path / out, folder, tmp_path / "teacher", asked=32, pace=pace)

    return of


def test_it_learns_to_say_what_it_is_told_and_changes_nothing_else(lesson: Callable[..., Hearing]) -> None:
    said: list[str] = []
    short = teach(lesson(steps=1), report=lambda line: None)
    wanted = lesson()
    marks = teach(wanted, report=said.append)
    assert short is not None and marks is not None
    assert set(marks) == {"whole", "places"}
    assert all(marks[name] < 0.7 * short[name] for name in marks)
    assert f"places {marks['places']:g}, of 32 new captions" in said[-1]
    taught, teacher = (open_weights(folder).load("base") for folder in (wanted.out, wanted.teacher))
    assert f"places {marks['places']:g}" in taught.about and taught.text.width == WIDTH
    drawing = [name for name in teacher.tensors if not name.startswith(("conditioning.", "text_map."))]
    assert drawing and all(torch.equal(taught.tensors[name], teacher.tensors[name]) for name in drawing)
    time = [name for name in teacher.tensors if name.startswith("conditioning.time.")]
    assert time and all(torch.equal(taught.tensors[name], teacher.tensors[name]) for name in time)
    trainer = Trainer(wanted.config)
    checkpoints.start_from(trainer, wanted.out)
    assert torch.equal(trainer.network.state_dict()["text_map.places"], taught.tensors["text_map.places"].float())


def test_what_it_is_not_told_it_does_not_say(lesson: Callable[..., Hearing]) -> None:
    marks = teach(lesson(share=0.0), report=lambda line: None)
    assert marks is not None and min(marks.values()) > 0.9


def test_stopped_it_goes_on_where_it_was(lesson: Callable[..., Hearing], tmp_path: Path) -> None:
    once = teach(lesson(steps=8, out="once"), report=lambda line: None)
    from threading import Event

    stop = Event()
    wanted = lesson(steps=8, folder=tmp_path / "state", out="twice")
    steps: list[int] = []
    prepared = hearing.load_data(wanted.config, print, torch.device("cpu"))
    assert isinstance(prepared, Turned)
    turn = prepared.turn

    def until_the_third(batch: object) -> object:
        steps.append(1)
        if len(steps) == 3:
            stop.set()
        return turn(batch)  # type: ignore[arg-type]

    object.__setattr__(prepared, "turn", until_the_third)
    assert teach(wanted, stop=stop, report=lambda line: None) is None
    assert not wanted.out.exists()
    assert teach(lesson(steps=8, folder=tmp_path / "state", out="twice"), report=lambda line: None) == once
    assert len(steps) == 3


def test_unsaid_is_a_share_and_a_network_without_places_is_refused(lesson: Callable[..., Hearing]) -> None:
    right = torch.tensor([[0.0, 2.0], [2.0, 2.0]])
    assert float(unsaid(right, right)) == 0
    assert float(unsaid(right.mean(0, keepdim=True).expand(2, 2), right)) == pytest.approx(1)
    assert float(unsaid(torch.tensor([[0.5, 2.0], [1.5, 2.0]]), right)) == pytest.approx(0.25)
    wanted = lesson()
    checkpoints.save(Trainer(config()), wanted.teacher)
    with pytest.raises(ConfigError, match="no text_map"):
        teach(dataclasses.replace(wanted, config=config()), report=lambda line: None)
