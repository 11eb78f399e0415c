"""Train the contenders' autoencoder: renders of the world in, the same renders out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generators.cascade.config_json import Json
from generators.contenders.autoencoder import (
    Autoencoder,
    AutoencoderConfig,
    autoencoder_loss,
    load_autoencoder,
    save_autoencoder,
)
from generators.training.fitting import Pace, computing, fit
from generators.world.checker.render import as_input
from generators.world.scenes import WORLD
from generators.world.scenes.captions import sample_scene, sample_unseen
from generators.world.scenes.layout import lay_out
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites

PACE = Pace(learning_rate=2e-3, warmup=50, cooldown=0.7, weight_decay=0.0, clip=1.0, steps=2500)
"""2,500 steps of 32 renders are some twenty minutes of a CPU core."""
SIZE = 64


@dataclass(frozen=True)
class AutoencoderTraining:
    """What an autoencoder is trained on and how fast.

    `sprites`: the file of the drawings. `out`: where it is written. `folder`: of the
    state that it goes on from. `concepts`: what the scenes hold; none named, all that have drawings. `measured`: new
    renders that its exam rests on.
    """

    sprites: Path
    out: Path
    folder: Path | None = None
    concepts: Sequence[str] = ()
    batch: int = 32
    seed: int = 0
    device: str = "cpu"
    measured: int = 512
    pace: Pace = PACE
    config: AutoencoderConfig = field(default_factory=AutoencoderConfig)


def train_autoencoder(
    training: AutoencoderTraining, *, stop: threading.Event | None = None, report: Callable[[str], None] = print
) -> bool:
    """Train one, measure it, write it; False where it was stopped before its budget was spent.

    Raises:
        FileNotFoundError: no sprites.
        ConfigError: the state in `folder` can't be used.
        SaveError: something can't be written.
    """
    device, seed, batch = training.device, training.seed, training.batch
    renderer = Renderer(load_sprites(training.sprites))
    concepts = training.concepts or renderer.concepts
    torch.manual_seed(seed)
    network = Autoencoder(training.config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def loss_of(step: int) -> Tensor:
        rng = np.random.Generator(np.random.Philox(key=[seed, step]))
        images = as_input(renders(renderer, concepts, batch, rng)).to(device, memory_format=torch.channels_last)
        random = torch.Generator().manual_seed((seed << 32) + step)
        eps = torch.randn(batch, training.config.latent, SIZE // 4, SIZE // 4, generator=random).to(device)
        with computing(device):
            return autoencoder_loss(network, images, eps)

    done = fit("autoencoder", network, loss_of, training.pace, folder=training.folder, stop=stop, report=report)
    if not done.finished:
        return False
    rng = np.random.Generator(np.random.Philox(key=[seed, 1 << 40]))
    with torch.inference_mode():
        means = network.spread(as_input(renders(renderer, concepts, training.measured, rng)).to(device))[0]
    network.config = replace(training.config, scale=float(means.std()))
    about: Json = {
        "world": WORLD,
        "trained": f"{done.steps} steps of {batch} renders on {torch.device(device).type}",
    }
    part = training.out.with_name(f"{training.out.name}.measured")
    save_autoencoder(part, network, about)
    told = measure(load_autoencoder(part).network, renderer, concepts, training.measured, seed=seed)
    save_autoencoder(training.out, network, {**about, "measured": told})
    part.unlink()
    for name, value in told.items():
        report(f"{name}: {value:g}")
    return True


def measure(
    network: Autoencoder, renderer: Renderer, concepts: Sequence[str], count: int, *, seed: int
) -> dict[str, float]:
    """The exam on `count` renders that it never saw, and as many with a combination that trainings hold out.

    `psnr`: dB, of each picture, their mean. `psnr_held_out`: of scenes with a held-out colour. `psnr_bicubic`: of the
    same pictures reduced to 32x32 and enlarged, three times as many numbers as 16x16x4. `latent_std`: should be 1.
    """
    rng = np.random.Generator(np.random.Philox(key=[seed, (1 << 40) + 1]))
    told = {}
    for ending, pictures in (
        ("", renders(renderer, concepts, count, rng)),
        ("_held_out", renders(renderer, concepts, count, rng, unseen=True)),
    ):
        images = as_input(pictures)
        with torch.inference_mode():
            latents = network.encode(images)
            told[f"psnr{ending}"] = psnr(network.decode(latents), images)
        if not ending:
            half = torch.nn.functional.avg_pool2d(images, 2)
            again = torch.nn.functional.interpolate(half, scale_factor=2, mode="bicubic")
            told["psnr_bicubic"] = psnr(again, images)
            told["latent_std"] = float(latents.std())
    return {**{name: round(value, 3) for name, value in told.items()}, "n": count}


def psnr(seen: Tensor, images: Tensor) -> float:
    """Mean over pictures of the peak signal-to-noise ratio in dB, both in [-1, 1] and rounded to 256 levels."""
    levels = (seen.clamp(-1, 1) + 1).mul(127.5).round(), (images + 1).mul(127.5).round()
    error = (levels[0] - levels[1]).square().flatten(1).mean(1).clamp(min=1e-3)
    return float((20 * np.log10(255) - 10 * error.log10()).mean())


def renders(
    renderer: Renderer, concepts: Sequence[str], count: int, rng: np.random.Generator, *, unseen: bool = False
) -> NDArray[np.uint8]:
    """(count, 64, 64, 3) pictures of chance scenes; `unseen`: with a colour that its thing never has in training."""
    scenes = [sample_unseen(rng, concepts, "colour") if unseen else sample_scene(rng, concepts) for _ in range(count)]
    return np.stack([renderer.draw(lay_out(scene, rng), SIZE) for scene in scenes])
