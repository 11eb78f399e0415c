"""Train the scene CLIP: `python -m generators.training.scene_clip_train --minutes 20`.

On renders of the world alone, on a GPU where there is one. Writes generators/weights/scene-clip.safetensors with what
it measures on renders that it never saw. --folder keeps its state there, and goes on from it.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from common.commands import BAD_INPUT, FAILED, SUCCESS, refuse_repeated
from common.files import SaveError
from common.places import CHECKOUT, SUITE
from generators.cascade.config_json import Json
from generators.cascade.configs import MINILM, ConfigError
from generators.contract import GeneratorError
from generators.places import SPRITES, TRAINING
from generators.training.captions_cache import load_captions
from generators.training.data import prompts_of
from generators.training.fitting import Pace, computing, fit
from generators.training.scene_clip_examples import Examples, captions_of, pairs
from generators.world.scene_clip.load import BUNDLED, load_scene_clip, save_scene_clip
from generators.world.scene_clip.measure import measure
from generators.world.scene_clip.network import SceneClip, SceneClipConfig
from generators.world.scenes import WORLD
from generators.world.scenes.compose import SceneComposer
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites

PACE = Pace(learning_rate=1e-3, warmup=100, cooldown=0.6, weight_decay=0.05, clip=1.0)
SUITES = (str(SUITE.relative_to(CHECKOUT)),)
"""Their prompts are in no caption of its training."""


@dataclass(frozen=True)
class SceneClipTraining:
    """What a scene CLIP is trained on and for how long.

    `sprites`: the file of the drawings. `out`: where it is written. `minutes`: wall-clock budget. `batch`: renders of a
    step. `scenes`: in the pool that its batches are drawn from. `cache`: of captions' encodings. `folder`: of the state
    that it goes on from. `exclude`: suites whose prompts it does not train on. `measured`: renders that each
    share rests on. `config`: of the network.
    """

    sprites: Path
    out: Path
    minutes: float
    batch: int = 64
    scenes: int = 16_000
    seed: int = 0
    device: str = "cpu"
    cache: Path = TRAINING
    folder: Path | None = None
    exclude: tuple[str, ...] = SUITES
    measured: int = 1024
    config: SceneClipConfig = field(default_factory=SceneClipConfig)


def train_scene_clip(
    training: SceneClipTraining, *, stop: threading.Event | None = None, report: Callable[[str], None] = print
) -> bool:
    """Train one, measure it, write it; False where it was stopped before its budget was spent.

    Raises:
        FileNotFoundError: no sprites, or a suite of `exclude` is not there.
        ConfigError: the state in `folder` can't be used.
        SaveError: something can't be written.
    """
    device, seed, batch, config = training.device, training.seed, training.batch, training.config
    drawings = load_sprites(training.sprites)
    renderer = Renderer(drawings)
    held = pairs(training.scenes, renderer.concepts, seed, exclude=prompts_of(training.exclude))
    captions = captions_of(held)
    states = load_captions(captions, MINILM, training.cache, report, device=device)
    on_gpu = torch.device(device).type != "cpu"
    composer = SceneComposer(drawings, device) if on_gpu else None
    examples = Examples(
        held, states.on(device) if on_gpu else states, renderer, seed=seed, batch=batch, composer=composer
    )
    torch.manual_seed(seed)
    network = SceneClip(config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def loss_of(step: int) -> Tensor:
        images, text, same = examples.batch(step)
        with computing(device):
            seen, said = network(images.to(device, memory_format=torch.channels_last), text.to(device, torch.float32))
        loss: Tensor = network.loss(seen, said, same.to(device))
        return loss

    done = fit(
        "scene-clip", network, loss_of, PACE, minutes=training.minutes, folder=training.folder, stop=stop, report=report
    )
    if not done.finished:
        return False
    about: Json = {
        "world": WORLD,
        "trained": f"{done.steps} steps of {batch} renders on {torch.device(device).type}, "
        f"captions of {len(held)} scenes and {len(captions) - len(held)} contraries",
    }
    out = training.out
    part = out.with_name(f"{out.name}.measured")
    save_scene_clip(part, network, config, MINILM, about)
    told = measure(load_scene_clip(part, device=device), renderer, training.measured, seed=seed + 1, exclude=captions)
    save_scene_clip(out, network, config, MINILM, {**about, "measured": told})
    part.unlink()
    for name, value in told.items():
        report(f"{name}: {value:g}")
    return True


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when it is trained and written, 1 when it can't be written, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.scene_clip_train", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="wall-clock budget (%(default)s)")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--scenes", type=int, default=16_000, help="scenes in its pool (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sprites", type=Path, default=SPRITES)
    parser.add_argument("--folder", type=Path, help="keeps its state, to go on from")
    parser.add_argument("--out", type=Path, default=BUNDLED)
    args = refuse_repeated(parser).parse_args(argv)
    if args.minutes <= 0 or args.batch < 2 or args.scenes < 2:
        print("--minutes must be more than 0, --batch and --scenes at least 2", file=sys.stderr)
        return BAD_INPUT
    try:
        training = SceneClipTraining(
            args.sprites,
            args.out,
            minutes=args.minutes,
            batch=args.batch,
            scenes=args.scenes,
            seed=args.seed,
            folder=args.folder,
            device="cuda" if torch.cuda.is_available() else "cpu",
        )
        train_scene_clip(training, report=lambda line: print(line, flush=True))
    except SaveError as error:
        print(error, file=sys.stderr)
        return FAILED
    except (ConfigError, GeneratorError, FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
