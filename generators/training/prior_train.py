"""Train unCLIP's prior: captions in, the matcher's embeddings of renders of them out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from generators.cascade.blocks import TextStates
from generators.cascade.config_json import Json
from generators.contenders.prior import Prior, PriorConfig, load_prior, prior_loss, save_prior, scaled
from generators.contenders.unclip import drawn_embeddings
from generators.places import SCENE_CLIP
from generators.training.config import TrainConfig
from generators.training.data import SceneData, load_data
from generators.training.data_config import ScenesConfig
from generators.training.fitting import Pace, computing, fit
from generators.training.turned import unknown_quoted, without_quoted
from generators.world.scene_clip.lead import SceneMatcher
from generators.world.scene_clip.load import load_scene_clip
from generators.world.scene_clip.network import SIZE
from generators.world.scenes import WORLD
from generators.world.scenes.layout import lay_out

PACE = Pace(learning_rate=1e-3, warmup=100, cooldown=0.7, weight_decay=0.01, clip=1.0, steps=3000)
"""3,000 steps of 64 renders are some twenty minutes of a CPU core."""

DROP = 0.1
CHUNK = 256


@dataclass(frozen=True)
class PriorTraining:
    """What a prior is trained on and how fast.

    `scenes`: a training of the cascade's base, whose captions and renders it learns from. `matcher`: the scene CLIP's
    file. `out`: where it is written. `folder`: of the state that it goes on from. `measured`: new captions of its exam.
    """

    scenes: TrainConfig
    matcher: Path
    out: Path
    folder: Path | None = None
    device: str = "cpu"
    measured: int = 256
    pace: Pace = PACE
    config: PriorConfig = field(default_factory=PriorConfig)


def train_prior(
    training: PriorTraining, *, stop: threading.Event | None = None, report: Callable[[str], None] = print
) -> bool:
    """Train one, measure it, write it; False where it was stopped before its budget was spent.

    Raises:
        FileNotFoundError, ConfigError, SceneClipError: what it learns from is not there or can't be used.
        SaveError: something can't be written.
    """
    device = training.device
    matcher = SceneMatcher(load_scene_clip(training.matcher, device=device))
    data = load_data(training.scenes, report, device)
    assert isinstance(data, SceneData)
    captions = [scene.caption for scene in data.pool]
    said = _said(matcher, data)
    numbers = {caption: row for row, caption in enumerate(captions)}
    torch.manual_seed(training.scenes.seed)
    network = Prior(training.config).to(device)
    count = training.scenes.batch

    def loss_of(step: int) -> Tensor:
        batch = data.batch(step)
        random = torch.Generator().manual_seed((training.scenes.seed << 32) + step)
        t = (torch.rand(1, generator=random) + torch.arange(count) / count) % 1.0
        keep = torch.rand(count, generator=random) >= DROP
        eps = torch.randn(count, training.config.embedding, generator=random)
        own = scaled(said[[numbers[caption] for caption in batch.captions]])
        with torch.no_grad():
            pictures = scaled(matcher.clip.network.image(batch.images))
        with computing(device):
            return prior_loss(
                network, pictures, batch.text, own.to(device), t.to(device), keep.to(device), eps.to(device)
            )

    done = fit("unclip-prior", network, loss_of, training.pace, folder=training.folder, stop=stop, report=report)
    if not done.finished:
        return False
    beside = {SCENE_CLIP: training.matcher}
    about: Json = {
        "world": WORLD,
        "trained": f"{done.steps} steps of {count} renders on {torch.device(device).type}",
        "matcher": matcher.clip.about.get("measured"),
    }
    part = training.out.with_name(f"{training.out.name}.measured")
    save_prior(part, network, about, beside=beside)
    ready = load_prior(part, beside=beside, device=device)
    told = measure(ready, matcher, data, said, training.measured)
    save_prior(training.out, network, {**about, "measured": told}, beside=beside)
    part.unlink()
    for name, value in told.items():
        report(f"{name}: {value:g}")
    return True


def measure(prior: Prior, matcher: SceneMatcher, data: SceneData, said: Tensor, count: int) -> dict[str, float]:
    """The exam, on `count` of the training's captions with renders that it never saw.

    `cosine`: of the drawn embedding and that of a new render of the same caption; `cosine_text`: of the caption's own
    embedding and that render's, which is what a decoder would be told without a prior; `cosine_render`: of two renders
    of one caption, the ceiling. `retrieval`: how often the drawn embedding is nearest to its own render's among
    `count`; `retrieval_text`: how often the caption's own is.
    """
    rows = np.random.Generator(np.random.Philox(5)).choice(len(data.pool), count, replace=False).tolist()
    first, second = (_renders(matcher, data, rows, seed) for seed in (21, 22))
    text = data.text(rows)
    own = said[rows]
    start = torch.randn(count, own.shape[1], generator=torch.Generator().manual_seed(6))
    with torch.inference_mode():
        drawn = torch.nn.functional.normalize(
            drawn_embeddings(prior, start, TextStates(text.tokens, text.mask), scaled(own), steps=16), dim=1
        )
    at = torch.arange(count)
    told = {
        "cosine": (drawn * first).sum(1).mean(),
        "cosine_text": (own * first).sum(1).mean(),
        "cosine_render": (first * second).sum(1).mean(),
        "retrieval": ((drawn @ first.T).argmax(1) == at).float().mean(),
        "retrieval_text": ((own @ first.T).argmax(1) == at).float().mean(),
    }
    return {**{name: round(float(value), 4) for name, value in told.items()}, "n": count}


def _renders(matcher: SceneMatcher, data: SceneData, rows: Sequence[int], seed: int) -> Tensor:
    """Embeddings of new renders of some captions, laid out as the training's."""
    rng = np.random.Generator(np.random.Philox(seed))
    scenes = data.config.data
    assert isinstance(scenes, ScenesConfig)
    layouts = [lay_out(data.pool[int(row)], rng, shrink=scenes.shrink, steady=scenes.steady) for row in rows]
    return torch.from_numpy(matcher.clip.images(np.stack([data.renderer.draw(one, SIZE) for one in layouts])))


def _said(matcher: SceneMatcher, data: SceneData) -> Tensor:
    """The embeddings of all captions, (n, embedding)."""
    quoted, pieces = unknown_quoted(matcher.clip), []
    for first in range(0, len(data.pool), CHUNK):
        rows = range(first, min(first + CHUNK, len(data.pool)))
        captions = [data.pool[row].caption for row in rows]
        pieces.append(torch.from_numpy(matcher.clip.of_states(without_quoted(data.text(rows), captions, quoted))))
    return torch.cat(pieces)
