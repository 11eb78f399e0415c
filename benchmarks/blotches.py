"""Where the blotches in drawn pictures come from: `python -m benchmarks.blotches [--weights FOLDER]`.

Three tables, of real renders and of pictures that the base draws of the same captions. What the 256 stage makes of
true 64x64 pictures, and of ones that the base has drawn again from some noise, so that its errors stand in them and the
truth is known; by the noise that the stage starts from and the noise added to its input. How far off the base is at
each time, where the picture is flat and where it is not. How much grain is in the base's pictures, by settings. Needs
the training's sprites (docs/training-world.md).

Grain: the mean difference of neighbouring pixels, in grey levels, where the render is flat. Of drawn pictures, whose
truth nobody knows, the median of the Laplacian, which is 0 on plain and evenly blended grounds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from generators.cascade.augmentation import augment, downsample, levels_for, upsample
from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import open_weights
from generators.cascade.generator import BUNDLED, load_cascade
from generators.cascade.samplers import sample
from generators.cascade.schedules import noise_at
from generators.cascade.spec import SPEC
from generators.cascade.stage import Denoise, LoadedStage, StageSettings
from generators.cascade.text import load_encoder
from generators.contract import GeneratorError, ImageRequest
from generators.places import SPRITES, TRAINING_CONFIGS
from generators.training.config import load_train_config
from generators.training.data_config import ScenesConfig
from generators.training.measure_sr import psnr
from generators.training.redrawing import redrawn
from generators.world.scenes.captions import Scene, sample_scene
from generators.world.scenes.layout import lay_out
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites

CONFIG = TRAINING_CONFIGS / "cpu-base-letters.json"
GREY = 127.5
"""Grey levels in a step of 1."""
AGAIN_FROM = 0.35
TIMES = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4)
SETTINGS: tuple[dict[str, float | str], ...] = (
    {},
    {"steps": 8},
    {"steps": 32},
    {"sampler": "ddim"},
    {"sampler": "heun"},
    {"guidance": 1.0},
    {"guidance": 3.0},
    {"thresholding": "none"},
)


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.blotches", description=__doc__)
    parser.add_argument("--weights", type=Path, default=BUNDLED)
    parser.add_argument("--training-config", type=Path, default=CONFIG, help="its objects are drawn")
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--only", choices=("256", "times", "settings"), help="one of the tables")
    parser.add_argument("--sprites", type=Path, default=SPRITES)
    args = refuse_repeated(parser).parse_args(argv)
    try:
        renderer = Renderer(load_sprites(args.sprites))
        data = load_train_config(args.training_config).data
        assert isinstance(data, ScenesConfig)
        scenes = scenes_of(data.concepts or renderer.concepts, args.images)
        if args.only in (None, "256"):
            print("\n".join(of_256(args.weights, scenes, renderer)), flush=True)
        if args.only in (None, "times"):
            print("\n".join(of_times(args.weights, scenes, renderer)), flush=True)
        if args.only in (None, "settings"):
            print("\n".join(of_settings(args.weights, scenes, renderer)), flush=True)
    except (GeneratorError, FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return SUCCESS


def scenes_of(concepts: Sequence[str], count: int) -> list[Scene]:
    """Scenes without letters, the same for the same concepts."""
    rng = np.random.Generator(np.random.Philox(99))
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = sample_scene(rng, concepts)
        if scene.sign is None:
            scenes.append(scene)
    return scenes


def renders(scenes: Sequence[Scene], renderer: Renderer, size: int) -> Tensor:
    """(n, 3, size, size) in [-1, 1]."""
    rng = np.random.Generator(np.random.Philox(7))
    return as_tensor([renderer.draw(lay_out(scene, rng, steady=True), size) for scene in scenes])


def as_tensor(pictures: Sequence[np.ndarray]) -> Tensor:
    """uint8 pictures as the networks take them."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / GREY - 1


def gradient(images: Tensor) -> Tensor:
    """Difference to the right and lower neighbour, in grey levels, (n, size, size)."""
    steps = (images.diff(dim=2)[..., :-1].abs() + images.diff(dim=3)[:, :, :-1].abs()).mean(1)
    return F.pad(steps, (0, 1, 0, 1)) * GREY


def near_things(real: Tensor, *, least: float, reach: int) -> Tensor:
    """Where a render changes by `least` grey levels within `reach` pixels; all else is flat."""
    return F.max_pool2d((gradient(real) > least).float()[:, None], 2 * reach + 1, 1, reach)[:, 0] > 0


def laplacian(images: Tensor) -> float:
    """Its median, in grey levels."""
    kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).expand(3, 1, 3, 3)
    return float((F.conv2d(images, kernel, groups=3).abs().mean(1) * GREY).median())


def no_noise(step: int) -> Tensor:
    """The noise of a step that adds none: with `eta` 0 no sampler asks for it."""
    raise AssertionError(f"step {step} wants noise, though eta is 0")


@torch.inference_mode()
def one_step(
    stage: LoadedStage, low: Tensor, text: TextStates, *, aug_level: float = 0.0, start: float = 1.0, steps: int = 1
) -> Tensor:
    """What a super-resolution stage makes of `low`. `start`: standard deviation of the noise that it begins with."""
    random, drawn = torch.Generator().manual_seed(0), []
    for first in range(0, len(low), 4):
        rows = slice(first, first + 4)
        level = levels_for(len(low[rows]), aug_level, low)
        shown = augment(low[rows], level, torch.randn(low[rows].shape, generator=random))
        shown = upsample(shown, stage.config.size)
        part = TextStates(text.tokens[rows], text.mask[rows])
        denoise = Denoise(stage, part, StageSettings(1.0, steps, "dpmpp", 0.0, "static"), shown, level)
        noise = start * torch.randn(shown.shape, generator=random)
        schedule = stage.config.diffusion.schedule
        drawn.append(sample("dpmpp", denoise, noise, schedule, steps, eta=0.0, noise=no_noise))
    return torch.cat(drawn).clamp(-1, 1)


def of_256(folder: Path, scenes: Sequence[Scene], renderer: Renderer) -> list[str]:
    """The first table: the 256 stage on renders averaged down, and on what the base draws."""
    weights = open_weights(folder).load("sr256")
    stage = LoadedStage(weights.stage, weights.network())
    encoder = load_encoder(weights.text)
    captions = [scene.caption for scene in scenes]
    text, other = (encoder.encode(asked).states for asked in (captions, captions[1:] + captions[:1]))
    real = renders(scenes, renderer, weights.stage.size)
    low, base = downsample(real, weights.stage.low_size), drawn_by(folder, scenes, {})
    again = drawn_again(folder, low, text)
    edge = near_things(real, least=20, reach=2)
    flat = ~near_things(real, least=3, reach=8)
    lines = [
        "| input, start, text | PSNR, dB | at edges | edges' sharpness | grain | drawn again | of the base's |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    size = weights.stage.size
    inputs = (low, again, base)
    rows = [("bicubic", [F.interpolate(each, size=size, mode="bicubic").clamp(-1, 1) for each in inputs])]
    for what, said, settings in (
        ("`aug_level` 0.05, noise", text, {"aug_level": 0.05}),
        ("`aug_level` 0.05, zeros", text, {"aug_level": 0.05, "start": 0.0}),
        ("`aug_level` 0, noise", text, {}),
        ("`aug_level` 0, noise, another's text", other, {}),
        ("`aug_level` 0, noise, 4 steps", text, {"steps": 4}),
        ("`aug_level` 0, zeros, 4 steps", text, {"start": 0.0, "steps": 4}),
        ("`aug_level` 0, zeros: as it ships", text, {"start": 0.0}),
    ):
        rows.append((what, [one_step(stage, each, said, **settings) for each in inputs]))
    for what, (drawn, from_again, from_base) in rows:
        at_edges = 10 * torch.log10(4 / (drawn - real).square().mean(1)[edge].mean())
        sharp = gradient(drawn)[edge].mean() / gradient(real)[edge].mean()
        grain = gradient(drawn)[flat].mean()
        lines.append(
            f"| {what} | {psnr(drawn, real):.2f} | {at_edges:.2f} | {sharp:.2f} | {grain:.2f} "
            f"| {psnr(from_again, real):.2f} | {laplacian(from_base):.2f} |"
        )
    return lines


def drawn_again(folder: Path, low: Tensor, text: TextStates) -> Tensor:
    """Renders noised to a time and drawn again by the base from there, as `generators.training.redrawing` does it."""
    weights = open_weights(folder).load("base")
    base = LoadedStage(weights.stage, weights.network(), weights.text.width)
    eps = torch.randn(low.shape, generator=torch.Generator().manual_seed(4))
    return redrawn(base, low, text, AGAIN_FROM, eps)


def drawn_by(folder: Path, scenes: Sequence[Scene], settings: dict[str, float | str]) -> Tensor:
    """The base's pictures of the scenes' captions, (n, 3, 64, 64)."""
    generator = load_cascade(SPEC.resolve({"weights": str(folder), **settings}), size=64, device="cpu")
    asked = [ImageRequest(str(n), f"{n:05d}", scene.caption, 0, 17) for n, scene in enumerate(scenes)]
    pictures = {result.key: result.image for result in generator.generate(asked)}
    return as_tensor([pictures[str(n)] for n in range(len(scenes))])  # type: ignore[misc]


def of_times(folder: Path, scenes: Sequence[Scene], renderer: Renderer) -> list[str]:
    """The second table: the base's error when a render is noised to a time and denoised in one go."""
    weights = open_weights(folder).load("base")
    stage = LoadedStage(weights.stage, weights.network())
    text = load_encoder(weights.text).encode([scene.caption for scene in scenes]).states
    real = renders(scenes, renderer, weights.stage.size)
    near = near_things(real, least=6, reach=2)[:, None].expand_as(real)
    eps = torch.randn(real.shape, generator=torch.Generator().manual_seed(3))
    denoise = Denoise(stage, text, StageSettings(1.0, 1, "dpmpp", 0.0, "none"))
    lines = [
        "| time | noise, grey levels | error, flat | of it left noise | error, near things | weight in the loss |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for t in TIMES:
        exact = noise_at(weights.stage.diffusion.schedule, torch.tensor(t, dtype=torch.float64))
        alpha, sigma = float(exact.alpha), float(exact.sigma)
        with torch.inference_mode():
            error = (denoise(alpha * real + sigma * eps, t) - real) * GREY
        flat, there = (float(error[where].square().mean().sqrt()) for where in (~near, near))
        left = float((error * eps)[~near].mean())
        lines.append(
            f"| {Fraction(t)} | {sigma / alpha * GREY:.1f} | {flat:.2f} | {left:.2f} | {there:.2f} "
            f"| {min(1.0, 5 * sigma**2):.3f} |"
        )
    return lines


def of_settings(folder: Path, scenes: Sequence[Scene], renderer: Renderer) -> list[str]:
    """The third table: grain of what the base draws."""
    lines = ["| base drawn with | grain |", "| --- | --- |"]
    lines.append(f"| renders | {laplacian(renders(scenes, renderer, 64)):.1f} |")
    for settings in SETTINGS:
        what = ", ".join(f"`{name}` {value}" for name, value in settings.items()) or "the defaults"
        lines.append(f"| {what} | {laplacian(drawn_by(folder, scenes, settings)):.1f} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
