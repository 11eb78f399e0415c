"""Gather trained stages into one folder of weights: `python -m generators.training.export RUN RUN RUN --out FOLDER`.

Each RUN is a folder that `generators.training.train` wrote. Every stage is read and checked before anything is copied.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from common.commands import BAD_INPUT, SUCCESS
from generators.cascade.checkpoint import load_stage, open_weights, write_index
from generators.contract import GeneratorError


def export(runs: Sequence[Path], out: Path) -> list[str]:
    """Copy the stages of `runs` into `out`, beside those that are there, and write the index; one line a stage.

    Raises:
        GeneratorError: a run has no usable weights, or the runs are of different cascades.
    """
    found: list[tuple[Path, str]] = []
    cascades: set[str] = set()
    for run in runs:
        held = open_weights(run)
        cascades.add(held.cascade)
        for name in held.hashes:
            held.load(name).network()
            found.append((run / f"{name}.safetensors", name))
    if len(cascades) != 1:
        raise GeneratorError(f"runs of different cascades don't go together: {', '.join(sorted(cascades))}")
    out.mkdir(parents=True, exist_ok=True)
    for path, _ in found:
        shutil.copyfile(path, out / path.name)
    write_index(out, cascades.pop())
    return [f"{name}: {path.stat().st_size / 1e6:.1f} MB, {load_stage(path).about}" for path, name in found]


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.export", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    try:
        print("\n".join(export(args.runs, args.out)))
    except GeneratorError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
