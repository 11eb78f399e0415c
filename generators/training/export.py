"""Gather trained stages into one folder of weights: `python -m generators.training.export RUN RUN RUN --out FOLDER`.

Each RUN is a folder that `generators.training.train` or this wrote; RUN:STAGE takes only that stage of it. Every stage
is read and checked before anything is copied. A stage that lies in the folder above already is not copied: the index
names that file. Stages of different cascades go together where their shapes agree, and it is said.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.commands import SUCCESS, refuse_repeated, run_command
from common.hashes import file_sha256
from common.words import nearest
from generators.cascade.checkpoint import INDEX, load_head, open_weights, write_index
from generators.cascade.configs import STAGES, StageName
from generators.cascade.weights_index import ABOVE
from generators.contract import GeneratorError


@dataclass(frozen=True, slots=True)
class Taken:
    """A stage that is taken. `run`: as it was named. `file`: where it lies. `cascade`: what it is a stage of."""

    stage: StageName
    run: Path
    file: Path
    cascade: str


def export(runs: Sequence[Path], out: Path) -> list[str]:
    """Copy the stages of `runs` into `out`, beside those that are there, and write the index; one line a stage.

    What lies in the folder above with the same content is stored there alone, and named from here.

    Of `FOLDER:STAGE` (or `FOLDER:STAGE,STAGE`) only these are taken. A stage that `out` has already is replaced, and
    its line says so.

    Raises:
        GeneratorError: a run has no usable weights, a stage comes from two runs, or the stages, those in `out`
            included, do not fit together: another text encoder, or a size that the one before does not draw.
    """
    found = [taken for run in runs for taken in _taken(run)]
    for index, one in enumerate(found):
        for other in found[:index]:
            if one.stage == other.stage:
                raise GeneratorError(
                    f"stage {one.stage} is in both {other.run} and {one.run}. Take it from one of them: "
                    f"{one.run}:STAGE takes only the stage that it names."
                )
    held = open_weights(out) if (out / INDEX).is_file() else None
    there = [] if held is None else [Taken(stage, out, held.path(stage), held.cascade) for stage in held.hashes]
    replaced = {one.stage for one in there} & {one.stage for one in found}
    whole = [*found, *(one for one in there if one.stage not in replaced)]
    mixed = _fit_together(whole)
    out.mkdir(parents=True, exist_ok=True)
    shared: dict[StageName, str] = {}
    for one in whole:
        target = out / f"{one.stage}.safetensors"
        above = _same_above(one.file, out)
        if above is not None:
            shared[one.stage] = f"{ABOVE}{above.name}"
            target.unlink(missing_ok=True)
        elif not (target.exists() and target.samefile(one.file)):
            copies_below(out, target.name)
            shutil.copyfile(one.file, target)
    write_index(out, " + ".join(dict.fromkeys(one.cascade for one in whole)), shared)
    lines = [_line(one, out, shared.get(one.stage), replaced=one.stage in replaced) for one in found]
    return [*lines, mixed] if mixed else lines


def copies_below(folder: Path, name: str) -> None:
    """Give the folders below that share the file `name` of `folder` a copy of their own, before it becomes another.

    Raises:
        GeneratorError: the index of one can't be read or written.
    """
    file = f"{ABOVE}{name}"
    for index in sorted(folder.glob(f"*/{INDEX}")):
        held = open_weights(index.parent)
        mine = [stage for stage, known in held.files.items() if known == file]
        if not mine:
            continue
        for stage in mine:
            shutil.copyfile(folder / name, index.parent / f"{stage}.safetensors")
        write_index(
            index.parent,
            held.cascade,
            {stage: known for stage, known in held.files.items() if known.startswith(ABOVE) and known != file},
        )


def _fit_together(whole: Sequence[Taken]) -> str:
    """What to say of stages of different cascades, "" where all are of one.

    Raises:
        GeneratorError: they do not fit together.
    """
    heads = {one.stage: load_head(one.file) for one in whole}
    told = "; ".join(f"{one.stage} of {one.cascade} from {one.run}" for one in whole)
    if len({head.text for head in heads.values()}) != 1:
        encoders = ", ".join(f"{stage}: {head.text.encoder}" for stage, head in heads.items())
        raise GeneratorError(f"stages of different text encoders don't go together ({encoders}): {told}")
    for stage, other in zip(STAGES, STAGES[1:], strict=False):
        if stage in heads and other in heads and heads[other].stage.low_size != heads[stage].stage.size:
            raise GeneratorError(
                f"stage {other} starts from {heads[other].stage.low_size} pixels and {stage} draws "
                f"{heads[stage].stage.size}: they don't go together: {told}"
            )
    return "" if len({one.cascade for one in whole}) == 1 else f"mixed, their shapes agree: {told}"


def _same_above(file: Path, out: Path) -> Path | None:
    """The file of the same content that the weights in the folder above have, None where they have none."""
    above = out.parent
    if not (above / INDEX).is_file():
        return None
    held = open_weights(above)
    sha256 = file_sha256(file)
    for stage, known in held.hashes.items():
        if known == sha256 and held.path(stage).parent == above and held.path(stage).is_file():
            return held.path(stage)
    return None


def _line(one: Taken, out: Path, shared: str | None, *, replaced: bool) -> str:
    file = out / (shared or f"{one.stage}.safetensors")
    about = load_head(file).about
    where = f"from {one.run}{', in place of the one that was there' if replaced else ''}"
    once = f", stored once: the same as {shared}" if shared else ""
    return f"{one.stage}: {file.stat().st_size / 1e6:.1f} MB, {about}, {where}{once}"


def _taken(run: Path) -> list[Taken]:
    """The stages of a run, or those that its name ends with; each is read whole, so that a broken one is refused."""
    folder, stages = _parted(run)
    held = open_weights(folder)
    lacking = [stage for stage in stages or () if stage not in held.hashes]
    if lacking:
        raise GeneratorError(f"{folder} has no stage {lacking[0]}; it has {', '.join(held.hashes) or 'none'}")
    taken = [stage for stage in held.hashes if not stages or stage in stages]
    for stage in taken:
        held.load(stage).network()
    return [Taken(stage, folder, held.path(stage), held.cascade) for stage in taken]


def _parted(run: Path) -> tuple[Path, tuple[str, ...]]:
    """`weights:sr256,sr1024` as the folder and the stages; a folder of that very name is a folder."""
    folder, colon, names = str(run).rpartition(":")
    if not colon or run.exists():
        return run, ()
    stages = tuple(names.split(","))
    for number, name in enumerate(stages):
        if name not in STAGES:
            hint = nearest(name, STAGES) or "."
            raise GeneratorError(f"{run}: {name!r} is no stage{hint} Stages: {', '.join(STAGES)}.")
        if name in stages[:number]:
            raise GeneratorError(f"{run}: stage {name} is named twice")
    return Path(folder), stages


def main(arguments: Sequence[str]) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.export", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--out", type=Path, required=True)
    args = refuse_repeated(parser).parse_args(arguments)
    print("\n".join(export(args.runs, args.out)))
    return SUCCESS


if __name__ == "__main__":
    sys.exit(run_command(main))
