"""Train a part of a contender: `python -m generators.training.contenders PART`.

Each part goes on from where it was when the same command is given again, measures itself on what it never saw, and is
written into generators/weights/contenders with what it measured. docs/contenders.md says what the parts are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from common.commands import BAD_INPUT, FAILED, SUCCESS, refuse_repeated
from common.files import SaveError
from common.words import nearest
from generators.cascade.checkpoint import open_weights
from generators.cascade.config_json import Json
from generators.cascade.configs import ConfigError
from generators.cascade.seen_words import read_words, write_words
from generators.contenders.folder import AUTOENCODER, CLIP_TEXT, DECODER, LATENT, PRIOR, part_path
from generators.contenders.part import save_part
from generators.contract import GeneratorError
from generators.places import CONTENDERS, SCENE_CLIP, SPRITES, TRAINING, TRAINING_CONFIGS, WEIGHTS, weights_made
from generators.training.autoencoder_train import PACE as AUTOENCODER_PACE
from generators.training.autoencoder_train import AutoencoderTraining, train_autoencoder
from generators.training.config import TrainConfig, load_train_config
from generators.training.hearing import Hearing, teach
from generators.training.prior_train import PACE as PRIOR_PACE
from generators.training.prior_train import PriorTraining, train_prior
from generators.training.saving import STATE
from generators.training.seen_words import captions_of
from generators.training.train import main as train_main
from generators.training.turned import plain_config
from generators.world.scenes import WORLD

Train = Callable[[argparse.Namespace, Path], bool]


def _autoencoder(args: argparse.Namespace, folder: Path) -> bool:
    pace = replace(AUTOENCODER_PACE, steps=args.steps or AUTOENCODER_PACE.steps)
    training = AutoencoderTraining(
        args.sprites, args.out / AUTOENCODER, folder, seed=args.seed, device=_device(), pace=pace
    )
    return train_autoencoder(training, report=_say)


def _prior(args: argparse.Namespace, folder: Path) -> bool:
    scenes = replace(plain_config(_config(DECODER)), batch=PRIOR_BATCH)
    pace = replace(PRIOR_PACE, steps=args.steps or PRIOR_PACE.steps)
    matcher = part_path(CONTENDERS, SCENE_CLIP)
    training = PriorTraining(scenes, matcher, args.out / PRIOR, folder, device=_device(), pace=pace)
    if not train_prior(training, report=_say):
        return False
    _words_write(args.out, scenes)
    return True


def _stage(file: str, args: argparse.Namespace, folder: Path) -> bool:
    """A stage by the cascade's own training, then its file."""
    config = CONFIGS[file]
    command = [str(config), "--out", str(folder)]
    if (folder / STATE).exists():
        command += ["--resume"]
    elif file in HEARS:
        lesson = folder / "hearing"
        hearing = Hearing(_config(file), weights_made(lesson), lesson)
        if teach(hearing, report=_say) is None:
            return False
        command += ["--start-from", str(hearing.out)]
    else:
        command += ["--take-over", str(WEIGHTS)]
    command += ["--steps", str(args.steps)] if args.steps else []
    code = train_main(command)
    if code != SUCCESS:
        return False
    part_write(file, folder, args.out, _config(file))
    _say(f"{args.out / file} is written")
    return True


def part_write(file: str, folder: Path, out: Path, config: TrainConfig) -> None:
    """A training's averaged weights as the contenders' file called `file` in `out`, as far as they have come.

    Raises:
        GeneratorError: the training has none yet.
        SaveError: it can't be written.
    """
    trained = open_weights(folder).load("base")
    about: Json = {"world": WORLD, "trained": trained.about}
    beside = {other: part_path(CONTENDERS, other) for other in GOES_WITH[file]}
    save_part(out / file, trained.network(), trained.stage, trained.text, about, beside=beside)
    _words_write(out, config)


def _words_write(out: Path, config: TrainConfig) -> None:
    """The words of a training's captions, and those of the base that it began with, beside the contenders' weights."""
    write_words(out, [*captions_of(config), " ".join(read_words(WEIGHTS) or ())])


def _config(file: str) -> TrainConfig:
    return load_train_config(CONFIGS[file])


CONFIGS = {
    LATENT: TRAINING_CONFIGS / "cpu-base-latent.json",
    DECODER: TRAINING_CONFIGS / "cpu-base-unclip.json",
    CLIP_TEXT: TRAINING_CONFIGS / "cpu-base-clip-text.json",
}
GOES_WITH = {LATENT: (AUTOENCODER,), DECODER: (SCENE_CLIP,), CLIP_TEXT: (SCENE_CLIP,)}
HEARS = (DECODER, CLIP_TEXT)
"""Parts whose text side is first taught to say what the bundled base's says: they read something else than it."""
PRIOR_BATCH = 64

PARTS: dict[str, Train] = {
    "autoencoder": _autoencoder,
    "unclip-prior": _prior,
    "latent": partial(_stage, LATENT),
    "unclip-decoder": partial(_stage, DECODER),
    "clip-text": partial(_stage, CLIP_TEXT),
}


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when it is trained and written, 1 when it can't go on, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.contenders", description=__doc__)
    parser.add_argument("part", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--steps", type=int, default=0, help="budget of all runs (default: the part's own)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sprites", type=Path, default=SPRITES)
    parser.add_argument("--folder", type=Path, help="keeps its state, to go on from (default: var/training/PART)")
    parser.add_argument("--out", type=Path, default=CONTENDERS, help="folder of the contenders' weights")
    args = refuse_repeated(parser).parse_args(argv)
    if args.part not in PARTS:
        hint = nearest(args.part, PARTS) or "."
        print(f'no part is called "{args.part}"{hint} There are: {", ".join(PARTS)}', file=sys.stderr)
        return BAD_INPUT
    if args.steps < 0:
        print("--steps must be more than 0", file=sys.stderr)
        return BAD_INPUT
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        done = PARTS[args.part](args, args.folder or TRAINING / args.part)
    except SaveError as error:
        print(error, file=sys.stderr)
        return FAILED
    except (ConfigError, GeneratorError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return SUCCESS if done else FAILED


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
