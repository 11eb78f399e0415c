"""Write which words weights were taught: `python -m generators.training.seen_words CONFIG .. --weights FOLDER`.

The words of all captions of the trainings by these configurations go into the folder's `words.txt`, beside those that
are there; misspelt captions are left out, or every slip would pass for a word. With it, images say which words of
their prompt the weights never saw. It needs the training's sprites.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from common.files import SaveError
from common.words import counted
from generators.cascade.checkpoint import open_weights
from generators.cascade.seen_words import write_words
from generators.contract import GeneratorError
from generators.training.config import TrainConfig, load_train_config
from generators.training.data import scene_pool
from generators.training.data_config import ScenesConfig
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites

MISSPELT = "Misspellings"
"""The category of scenes whose captions have slips."""


def captions_of(config: TrainConfig) -> list[str]:
    """The captions of a training.

    Raises:
        GeneratorError: it trains on something other than scenes.
        FileNotFoundError: there are no sprites, or a suite that it names is not there.
    """
    if not isinstance(config.data, ScenesConfig):
        raise GeneratorError(f"the training is on {config.data.kind}, not on scenes: only scenes have known captions")
    known = Renderer(load_sprites(Path(config.data.sprites))).concepts
    return [scene.caption for scene in scene_pool(config.data, known, config.seed) if scene.category != MISSPELT]


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.seen_words", description=__doc__)
    parser.add_argument("configurations", type=Path, nargs="+", metavar="CONFIG", help="what the base was trained with")
    parser.add_argument("--weights", type=Path, required=True, metavar="FOLDER", help="folder of the weights")
    args = refuse_repeated(parser).parse_args(argv)
    try:
        open_weights(args.weights)
        captions = [caption for path in args.configurations for caption in captions_of(load_train_config(path))]
        count = write_words(args.weights, captions)
    except (GeneratorError, SaveError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    print(f"{args.weights} has {counted(count, 'word')} now")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
