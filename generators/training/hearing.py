"""Teaches a contender's text side to say what the bundled base's says, of the whole picture and of each place.

A contender's base begins with the bundled base's weights, but reads something else than the captions' states, and what
reads it begins anew. What its blocks hear of a prompt is an embedding of the whole and a map of places, which the
bundled base learned in many hours. So before it draws, its text side learns to say the same of the same captions, which
takes minutes, as no network draws (distillation: Hinton et al. 2015, arXiv 1503.02531). What it is
not told, it can't learn to say. Its exam measures how much that is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import open_weights
from generators.cascade.configs import ConfigError
from generators.cascade.text import load_encoder
from generators.cascade.unet import UNet
from generators.places import WEIGHTS
from generators.training import checkpoints, placing
from generators.training.config import TrainConfig
from generators.training.data import Batch, SceneData, load_data, scene_pool
from generators.training.data_config import ScenesConfig
from generators.training.distributed import join
from generators.training.fitting import Pace, computing, fit
from generators.training.trainer import Trainer
from generators.training.turned import Turned
from generators.world.scenes.layout import lay_out

PACE = Pace(learning_rate=2e-3, warmup=100, cooldown=0.7, weight_decay=0.01, clip=1.0, steps=700)
"""700 steps of 64 captions are ten minutes of a CPU core."""

BATCH = 64
ASKED = 256
"""Places of the map that a step asks, drawn anew."""

EXAM_SEED = 9001


class TextSide(nn.Module):
    """What a base hears of a prompt, without the rest of it."""

    def __init__(self, network: UNet) -> None:
        super().__init__()
        if network.text_map is None:
            raise ConfigError(placing.NO_MAP)
        self.conditioning = network.conditioning
        self.text_map = network.text_map

    def forward(self, text: TextStates, keep: Tensor, places: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(batch, length, width), (batch,) bool -> (batch, embedding) of the whole, (batch, n, text_width) of places.

        `places`: (n,) numbers of places, row by row; None for all.
        """
        sequence, mask = self.conditioning.read(text, keep)
        return self.conditioning.whole(sequence, mask), self.text_map.said(sequence, mask, places)


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a text side is taught and how fast.

    `config`: the contender's training. `out`: the folder of the weights that its training then begins with. `folder`:
    of the state that the lesson goes on from; None keeps none. `teacher`: the folder of the weights whose base is
    listened to, and with which all of the contender begins that has the same shape. `asked`: captions of the exam.
    """

    config: TrainConfig
    out: Path
    folder: Path | None = None
    teacher: Path = WEIGHTS
    asked: int = 256
    pace: Pace = PACE


def unsaid(heard: Tensor, right: Tensor) -> Tensor:
    """The share of what differs among captions that is not said: 0 when all is, 1 for what knows no caption.

    Both (batch, ...): squared errors over squared differences from the mean of the batch.
    """
    return (heard - right).square().sum() / (right - right.mean(0, keepdim=True)).square().sum().clamp(min=1e-9)


def teach(
    hearing: Hearing, *, stop: threading.Event | None = None, report: Callable[[str], None] = print
) -> dict[str, float] | None:
    """Teach one, give it an exam, write it; the marks, or None where it was stopped before its budget was spent.

    The marks are `unsaid` of the whole picture and of the places, by captions that no training of it has.

    Raises:
        ConfigError: the network has no map of places, or the state in `folder` can't be used.
        FileNotFoundError, GeneratorError: what it learns from is missing or damaged.
        SaveError: something can't be written.
    """
    config = replace(hearing.config, batch=BATCH)
    trainer = Trainer(hearing.config, join("auto"), report)
    device = trainer.world.device
    checkpoints.take_over(trainer, hearing.teacher)
    network = cast(UNet, trainer.network)
    pupil = TextSide(network)
    teacher = TextSide(cast(UNet, open_weights(hearing.teacher).load("base").network(device=str(device)))).eval()
    data = load_data(config, report, device)
    assert isinstance(data, Turned)
    all_places = pupil.text_map.side**2

    def loss_of(step: int) -> Tensor:
        batch = data.plain.batch(step)
        random = torch.Generator().manual_seed((config.seed << 32) + step)
        places = torch.randperm(all_places, generator=random)[:ASKED].to(device)
        keep = (torch.rand(BATCH, generator=random) >= config.text_drop).to(device)
        with computing(device):
            with torch.no_grad():
                right = teacher(_floats(batch, device), keep, places)
                told = data.turn(batch)
            said = pupil(_floats(told, device), keep, places)
        return unsaid(said[0].float(), right[0].float()) + unsaid(said[1].float(), right[1].float())

    name = f"hearing of {config.cascade}"
    done = fit(name, pupil, loss_of, hearing.pace, folder=hearing.folder, stop=stop, report=report)
    if not done.finished:
        return None
    with torch.inference_mode():
        batch = _new_batch(data, hearing.asked)
        keep = torch.ones(hearing.asked, dtype=torch.bool, device=device)
        right, said = teacher(_floats(batch, device), keep), pupil(_floats(data.turn(batch), device), keep)
        rows = zip(("whole", "places"), said, right, strict=True)
        marks = {of: round(float(unsaid(heard, wanted)), 4) for of, heard, wanted in rows}
    told = ", ".join(f"{of} {value:g}" for of, value in marks.items())
    report(f"unsaid: {told}, of {hearing.asked} new captions")
    placing.write(
        hearing.out, network, hearing.config, f"{done.steps} steps of {BATCH} of the text side alone; unsaid: {told}"
    )
    return marks


def _floats(batch: Batch, device: torch.device) -> TextStates:
    return batch.text.to(device, torch.float32)


def _new_batch(data: Turned, count: int) -> Batch:
    """Captions that the training has not, with renders of them."""
    plain = cast(SceneData, data.plain)
    config = plain.config
    scenes = cast(ScenesConfig, config.data)
    old = {scene.caption for scene in plain.pool}
    pool = scene_pool(replace(scenes, captions=4 * count), plain.concepts, EXAM_SEED)
    new = [scene for scene in pool if scene.caption not in old][:count]
    if len(new) < count:
        raise ConfigError(f"data: only {len(new)} captions are new to this training, and the exam asks {count}")
    rng = np.random.Generator(np.random.Philox(EXAM_SEED))
    layouts = [lay_out(scene, rng, shrink=scenes.shrink, steady=scenes.steady) for scene in new]
    pictures = np.stack([plain.renderer.draw(layout, config.network.size) for layout in layouts])
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    captions = [scene.caption for scene in new]
    states = load_encoder(config.text, cached=False).encode(captions).states
    return Batch(images, None, states, tuple(captions))
