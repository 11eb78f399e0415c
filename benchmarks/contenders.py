"""What the contenders draw, measured by the judge of the bundled weights: `python -m benchmarks.contenders`.

Writes the table of gates and the sheet of docs/contenders.md, and the exams that runs and reports show
(`generators.exams`), for all that have weights. The judge knows colours, positions and counts; letters are not asked
here. Needs the training's sprites (docs/training-world.md). `--print`: show the text and write nothing.
"""

from __future__ import annotations

import argparse
import csv
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks._exams import exam_for, exam_row
from benchmarks._weights_measures import GATES, LETTERS, Artist, Result, device, measure, scenes_for
from benchmarks.weights import CONFIGS, gates_table
from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from common.pages import write_section
from common.places import CHECKOUT, DOCUMENTATION, PICTURES, SUITE
from common.words import nearest
from generators import registry
from generators.contract import Generator, GeneratorError, ImageRequest, WeightsMissingError
from generators.exams import Exam, exam_of, exams_keep
from generators.places import SPRITES, TRAINING_CONFIGS
from generators.training.config import load_train_config
from generators.training.data import scene_pool
from generators.training.data_config import ScenesConfig
from generators.world.checker.find import BUNDLED as CHECKER
from generators.world.checker.find import CheckerError, LoadedChecker, load_checker
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites

PAGE = DOCUMENTATION / "contenders.md"
START, END = "<!-- contenders: written by python -m benchmarks.contenders -->", "<!-- end of contenders -->"
TRAININGS = (*CONFIGS, *(TRAINING_CONFIGS / f"{name}.json" for name in ("cpu-base-latent", "cpu-base-clip-text")))
"""Whose captions are asked of nobody: of the bundled base, and of the contenders (all of these have the same)."""

ASKED: Mapping[str, tuple[str, dict[str, object]]] = {
    "cascade": ("cascade", {}),
    "cascade, led by the matcher at 10": ("cascade", {"matcher_guidance": 10.0}),
    "cascade-clip-text": ("cascade-clip-text", {}),
    "unclip": ("unclip", {}),
    "latent": ("latent", {}),
    "guided-clip": ("guided-clip", {}),
}
TWINS: Mapping[str, tuple[str, ...]] = {"cascade": ("cascade-no-sr-text",)}
"""At 64 pixels, where `cascade-no-sr-text` is the cascade."""

SIDE, HEAD = 112, 58
"""Pixels a side of a picture in the sheet, and of the three lines above the pictures."""


@dataclass(frozen=True, slots=True)
class Examiner:
    """Who asks and who judges. `images`: pictures of a row; `concepts`: of the bundled base; `barred`: captions that a
    training had."""

    images: int
    concepts: Sequence[str]
    barred: frozenset[str]
    renderer: Renderer
    checker: LoadedChecker


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contenders", description=__doc__)
    parser.add_argument("--images", type=int, default=60, help="images a row of the tables (%(default)s)")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="LABEL", help="examine only these; the others keep their exam"
    )
    parser.add_argument("--sprites", type=Path, default=SPRITES)
    parser.add_argument("--print", action="store_true", help="print the text and write nothing")
    args = refuse_repeated(parser).parse_args(argv)
    try:
        text = prove(args)
    except (GeneratorError, CheckerError, FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    if args.print:
        print(text)
        return SUCCESS
    write_section(PAGE, START, END, text)
    print(f"{PAGE.relative_to(CHECKOUT)} and the sheet beside it are written")
    return SUCCESS


def prove(args: argparse.Namespace) -> str:
    """The exams of those asked for, and all that are kept as the text of the page; the sheet is written beside it
    unless only printing."""
    for label in args.only:
        if label not in ASKED:
            raise GeneratorError(f'no contender is called "{label}"{nearest(label, ASKED) or "."} {", ".join(ASKED)}')
    examiner = _examiner(args)
    new: dict[str, list[Exam]] = {}
    pictures: dict[str, list[np.ndarray]] = {}
    missing: dict[str, Sequence[str]] = {}
    for label, (name, parameters) in ASKED.items():
        try:
            generator = registry.load(name, parameters, size=64, device=device())
        except WeightsMissingError as error:
            missing[label] = error.commands
            continue
        if label in (args.only or ASKED):
            new[label] = _examined(label, generator, examiner)
        if not args.print:
            pictures[label] = _pictures(generator)
    if not args.print:
        exams_keep([exam for made in new.values() for exam in made])
        PICTURES.mkdir(parents=True, exist_ok=True)
        _sheet(pictures).save(PICTURES / "contenders-sheet.webp", quality=85, method=6)
    known = {label: new[label][0] if label in new else _kept(label) for label in ASKED if label not in missing}
    return page_text(known, missing, examiner.concepts)


def _examiner(args: argparse.Namespace) -> Examiner:
    renderer, checker = Renderer(load_sprites(args.sprites)), load_checker(CHECKER, device=device())
    barred: set[str] = set()
    concepts: Sequence[str] = ()
    for path in TRAININGS:
        config = load_train_config(path)
        assert isinstance(config.data, ScenesConfig)
        concepts = concepts or config.data.concepts
        barred |= {scene.caption for scene in scene_pool(config.data, renderer.concepts, config.seed)}
    return Examiner(args.images, concepts, frozenset(barred), renderer, checker)


def _examined(label: str, generator: Generator, by: Examiner) -> list[Exam]:
    """A contender's exam; the cascade's is also its twin's, which is the same at 64 pixels."""
    artist, rows, began, drawn = Artist(generator), [], time.process_time(), 0
    for gate in GATES:
        for held_out in (False, True) if gate is not LETTERS else ():
            scenes = scenes_for(gate, by.concepts, by.images, held_out=held_out, barred=by.barred)
            rows.append(exam_row(measure(gate, scenes, artist, by.checker, by.renderer, held_out=held_out)))
            drawn += len(scenes)
            _say(f"{label}: {rows[-1]}")
    cpu_s = (time.process_time() - began) / max(drawn, 1)
    name, parameters = ASKED[label]
    return [
        exam_for(twin, parameters, rows, cpu_s=cpu_s, objects=len(by.concepts))
        for twin in (name, *TWINS.get(label, ()))
    ]


def _kept(label: str) -> Exam | None:
    """The exam of a contender's weights that are there now, from before."""
    name, parameters = ASKED[label]
    spec = registry.get_spec(name)
    values = spec.resolve(parameters)
    identity = registry.identity(spec, values, 64)
    return exam_of(name, values, identity[1]) if identity else None


def _pictures(generator: Generator) -> list[np.ndarray]:
    """Of the sheet's prompts, black where one could not be drawn."""
    requests = [ImageRequest(prompt, f"{n:05d}", prompt, 0, 0) for n, prompt in enumerate(_prompts())]
    drawn = {result.key: result.image for result in generator.generate(requests)}
    black = np.zeros((64, 64, 3), dtype=np.uint8)
    return [black if (image := drawn[request.key]) is None else image for request in requests]


def page_text(known: Mapping[str, Exam | None], missing: Mapping[str, Sequence[str]], concepts: Sequence[str]) -> str:
    """The section of docs/contenders.md between its marks."""
    about = (
        f"Each row asks for n pictures at 64x64 of the {len(concepts)} objects of the bundled base, with the "
        "default settings, and the scene checker judges them, as for "
        "[the bundled cascade](cascade.md#what-the-weights-draw). No training had these captions."
    )
    sheet = (
        "The first prompt of each category of `drawbench-cc0`, one picture each at 64 pixels, without selection. Most "
        "ask for things that none of these weights saw."
    )
    parts = [textwrap.fill(about, 120)]
    for label, exam in known.items():
        if exam is None:
            parts.append(f"**{label}**: these weights have no exam yet.")
        else:
            rows = [
                Result(
                    row.asked, row.least, row.held_out, row.n, row.right, row.low, row.high, row.shuffled, row.renders
                )
                for row in exam.rows
            ]
            parts += [f"**{label}**, {exam.cpu_s:.1f} CPU-s a picture with its judging:", gates_table(rows)]
    parts += [f"**{label}** has no weights yet: `{'`, then `'.join(commands)}`." for label, commands in missing.items()]
    parts.append("![The first prompt of each category by each contender](images/contenders-sheet.webp)")
    parts.append(textwrap.fill(sheet, 120))
    return "\n\n".join(parts)


def _prompts() -> list[str]:
    with SUITE.open(newline="", encoding="utf-8") as held:
        rows = list(csv.DictReader(held))
    first: dict[str, str] = {}
    for row in rows:
        first.setdefault(row["category"], row["prompt"])
    return list(first.values())


def _sheet(shown: Mapping[str, Sequence[np.ndarray]]) -> Image.Image:
    left, high = 190, SIDE + 8
    wide = left + len(_prompts()) * (SIDE + 8)
    sheet = Image.new("RGB", (wide, max(1, len(shown)) * high + HEAD), "white")
    ink, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for column, prompt in enumerate(_prompts()):
        ink.text((left + column * (SIDE + 8), 4), "\n".join(_lines(prompt)), fill="black", font=font)
    for row, (label, pictures) in enumerate(shown.items()):
        top = HEAD + row * high
        ink.text((4, top + SIDE // 2), "\n".join(_lines(label, 30)), fill="black", font=font)
        for column, picture in enumerate(pictures):
            tile = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.NEAREST)
            sheet.paste(tile, (left + column * (SIDE + 8), top))
    return sheet


def _lines(text: str, most: int = 20) -> list[str]:
    """Three lines of it, cut."""
    return textwrap.wrap(text, most)[:3]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
