"""Super-resolution against bicubic, by number: `python -m generators.training.measure_sr --stage sr256`.

Real renders are averaged down and drawn up again. PSNR against the render (on its [-1, 1] scale, peak 2), sharpness
(mean gradient, as a share of the render's), how far the averaged output is from the input, and the mean shift of a
channel.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from common.words import counted
from generators.cascade.augmentation import augment, downsample, levels_for, upsample
from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import open_weights
from generators.cascade.configs import StageName
from generators.cascade.generator import BUNDLED
from generators.cascade.samplers import SamplerName, sample
from generators.cascade.stage import Denoise, LoadedStage, StageSettings
from generators.cascade.text import load_encoder
from generators.contract import GeneratorError
from generators.places import SPRITES
from generators.world.scenes.captions import sample_scene
from generators.world.scenes.layout import lay_out
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites


def psnr(drawn: Tensor, real: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of images in [-1, 1]."""
    return float(10 * torch.log10(4 / (drawn - real).square().mean()))


def sharpness(images: Tensor) -> float:
    """Mean absolute difference of neighbouring pixels."""
    return float((images.diff(dim=2).abs().mean() + images.diff(dim=3).abs().mean()) / 2)


def draw(stage: LoadedStage, low: Tensor, text: TextStates, settings: StageSettings, aug_level: float) -> Tensor:
    """One stage's sampling of some low-resolution images, from fixed noise."""
    random = torch.Generator().manual_seed(0)
    level = levels_for(len(low), aug_level, low)
    low_res = upsample(augment(low, level, torch.randn(low.shape, generator=random)), stage.config.size)
    denoise = Denoise(stage, text, settings, low_res, level)
    start = settings.start_noise * torch.randn(low_res.shape, generator=random)

    def fresh(step: int) -> Tensor:
        return torch.randn(low_res.shape, generator=random)

    schedule = stage.config.diffusion.schedule
    with torch.inference_mode():
        drawn = sample(settings.sampler, denoise, start, schedule, settings.steps, eta=0.0, noise=fresh)
    return drawn.clamp(-1, 1)


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.measure_sr", description=__doc__)
    parser.add_argument("--stage", choices=("sr256", "sr1024"), default="sr256")
    parser.add_argument("--weights", type=Path, default=BUNDLED)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--aug-level", type=float, nargs="+", default=[0.0, 0.05])
    parser.add_argument("--start-noise", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument("--sampler", choices=("ddim", "ddpm", "dpmpp"), default="dpmpp")
    parser.add_argument("--sprites", type=Path, default=SPRITES)
    args = refuse_repeated(parser).parse_args(argv)
    try:
        open_weights(args.weights)  # told before the sprites, which take a download to make
        renderer = Renderer(load_sprites(args.sprites))
        rows = table(
            args.weights,
            args.stage,
            renderer,
            args.images,
            args.steps,
            args.aug_level,
            start_noises=args.start_noise,
            sampler=args.sampler,
        )
    except (GeneratorError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    print(json.dumps(rows, indent=2))
    return SUCCESS


def table(
    folder: Path,
    name: StageName,
    renderer: Renderer,
    images: int = 24,
    steps: Sequence[int] = (1, 2),
    aug_levels: Sequence[float] = (0.0, 0.05),
    *,
    start_noises: Sequence[float] = (0.0, 1.0),
    sampler: SamplerName = "dpmpp",
) -> list[dict[str, float | str]]:
    """Bicubic and one stage of the weights in `folder`, a row a setting, on the same renders.

    Raises:
        GeneratorError: there are no such weights, or they are damaged.
    """
    weights = open_weights(folder).load(name)
    stage = LoadedStage(weights.stage, weights.network())
    size, low_size = weights.stage.size, weights.stage.low_size
    rng = np.random.Generator(np.random.Philox(23))
    scenes = [sample_scene(rng, renderer.concepts) for _ in range(images)]
    pictures = [renderer.draw(lay_out(scene, rng, shrink=1.0 if size == 256 else 0.6), size) for scene in scenes]
    real = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    low = downsample(real, low_size)
    text = load_encoder(weights.text).encode([scene.caption for scene in scenes]).states
    bicubic = F.interpolate(low, size=(size, size), mode="bicubic", align_corners=False).clamp(-1, 1)
    rows: list[dict[str, float | str]] = [_row(f"{low_size} to {size}, bicubic", bicubic, real, low)]
    for count, level, noise in product(steps, aug_levels, start_noises):
        settings = StageSettings(1.0, count, sampler, 0.0, "static", start_noise=noise)
        parts = [
            draw(stage, low[i : i + 4], TextStates(text.tokens[i : i + 4], text.mask[i : i + 4]), settings, level)
            for i in range(0, len(low), 4)
        ]
        what = f"{low_size} to {size}, {counted(count, 'step')}, `aug_level` {level:g}, start noise {noise:g}"
        rows.append(_row(what, torch.cat(parts), real, low))
    return rows


def _row(name: str, drawn: Tensor, real: Tensor, low: Tensor) -> dict[str, float | str]:
    shift = (drawn - real).mean(dim=(0, 2, 3)).abs().max()
    return {
        "what": name,
        "psnr_db": round(psnr(drawn, real), 2),
        "sharpness_share": round(sharpness(drawn) / sharpness(real), 3),
        "averaged_against_input_db": round(psnr(downsample(drawn, low.shape[-1]), low), 2),
        "channel_shift_grey_levels": round(float(shift) * 127.5, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
