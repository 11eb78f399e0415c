"""Weights between two trainings of a stage: `python -m generators.training.between BEFORE AFTER --stage S --out F`.

Where a training went on from other weights to learn something new, what lies between the two often keeps what the first
could do and has most of what the second learned (WiSE-FT, Wortsman et al. 2022, section 3): every weight is
(1 - share) of BEFORE's and share of AFTER's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from common.commands import SUCCESS, refuse_repeated, run_command
from generators.cascade.checkpoint import open_weights, save_stage, write_index
from generators.cascade.configs import STAGES, StageName
from generators.contract import GeneratorError


def between(before: Path, after: Path, stage: StageName, share: float, out: Path) -> str:
    """Write into `out` the stage `share` of the way, in [0, 1], from the weights in `before` to those in `after`.

    Returns what its file says of itself.

    Raises:
        GeneratorError: one of them has no such stage or is damaged, or the two are of different shapes.
        SaveError: `out` can't be written.
    """
    folders = open_weights(before), open_weights(after)
    one, other = (folder.load(stage) for folder in folders)
    if (one.stage, one.text) != (other.stage, other.text):
        raise GeneratorError(f"{stage} in {before} and in {after} are of different shapes: nothing lies between them")
    ours, theirs = one.network().state_dict(), other.network().state_dict()
    made = {name: _between(value, theirs[name], share) for name, value in ours.items()}
    about = f"{1 - share:g} of ({one.about}) and {share:g} of ({other.about})"
    out.mkdir(parents=True, exist_ok=True)
    save_stage(out / f"{stage}.safetensors", made, one.stage, one.text, about)
    write_index(out, folders[1].cascade)
    return about


def _between(one: Tensor, other: Tensor, share: float) -> Tensor:
    return one.lerp(other, share) if one.is_floating_point() else one


def main(arguments: Sequence[str]) -> int:
    """The command line: 0 when it is written, 2 when it can't be."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.between", description=__doc__)
    parser.add_argument("before", type=Path, help="folder of weights that AFTER began with")
    parser.add_argument("after", type=Path, help="folder of a training that went on from them")
    parser.add_argument("--stage", required=True, choices=list(STAGES))
    parser.add_argument("--share", type=float, default=0.5, help="of AFTER, 0 to 1; default 0.5")
    parser.add_argument("--out", type=Path, required=True, help="folder for the stage and an index; a new one")
    args = refuse_repeated(parser).parse_args(arguments)
    if not 0 <= args.share <= 1:
        raise GeneratorError(f"--share is {args.share:g}; it must lie in 0 .. 1")
    if args.out.exists() and any(args.out.iterdir()):
        raise GeneratorError(f"{args.out} is not empty; name a new folder with --out")
    print(f"{args.stage} in {args.out}: {between(args.before, args.after, args.stage, args.share, args.out)}")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(run_command(main))
