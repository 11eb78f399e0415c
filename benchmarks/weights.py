"""What the bundled weights draw, measured and shown: `python -m benchmarks.weights [--weights FOLDER]`.

Writes the tables, the curve and the pictures of docs/cascade.md, all from the weights: gates with their floors and
ceilings, held-out combinations, nearest training neighbours, quality against alignment over guidance weights,
super-resolution, and a sheet with prompts of all categories of drawbench-cc0, the first of each, failures included.
Needs the training's sprites (docs/training-world.md). `--print`: show the text and write none of these.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks._exams import exam_for, exam_row
from benchmarks._weights_measures import (
    GATES,
    CurvePoint,
    Neighbours,
    Result,
    artist_of,
    curve,
    device,
    measure,
    neighbours,
    scenes_for,
)
from benchmarks._weights_objects import Known, known, objects_table, sheet
from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from common.pages import write_section
from common.places import CHECKOUT, DOCUMENTATION, PICTURES, SUITE
from generators.cascade.checkpoint import load_head, open_weights
from generators.cascade.generator import BUNDLED, load_cascade
from generators.cascade.spec import SPEC
from generators.contract import GeneratorError, ImageRequest
from generators.exams import exams_keep
from generators.places import SPRITES, TRAINING_CONFIGS
from generators.training.config import load_train_config
from generators.training.data import scene_pool
from generators.training.data_config import ScenesConfig
from generators.training.measure_sr import table as super_resolution
from generators.world.checker.find import BUNDLED as CHECKER
from generators.world.checker.find import CheckerError, load_checker
from generators.world.scenes import WORLD
from generators.world.scenes.captions import Scene
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites

PAGE = DOCUMENTATION / "cascade.md"
CONFIGS = tuple(
    TRAINING_CONFIGS / f"{name}.json"
    for name in ("cpu-base-letters", "cpu-base-signs", "cpu-base", "cpu-base-broad", "cpu-base-first")
)
"""What the base that ships was trained with, the last training first."""
GUIDANCES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
EARLIER = "scenes/1"
EACH = 4
SHOTS = 8
"""Pictures of each object, in colours."""
SHOWN = 128
"""Pixels a side of a picture in the sheet."""

START, END = "<!-- weights: written by python -m benchmarks.weights -->", "<!-- end of weights -->"


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.weights", description=__doc__)
    parser.add_argument("--weights", default="", help="folder of the weights; default: those that ship")
    parser.add_argument(
        "--guidance", type=float, help="guidance weight of the base; default: the generator's; wants --brief"
    )
    parser.add_argument("--images", type=int, default=200, help="images a row of the tables (%(default)s)")
    parser.add_argument("--curve-images", type=int, default=200, help="images a point of the curve (%(default)s)")
    parser.add_argument(
        "--training-config", type=Path, nargs="+", default=CONFIGS, metavar="CONFIG",
        help="what they were trained with, the last training first: its objects are asked for, all captions barred",
    )  # fmt: skip
    parser.add_argument("--sprites", type=Path, default=SPRITES)
    parser.add_argument("--checker", type=Path, default=CHECKER, help="the judge's file; default: the one that ships")
    parser.add_argument("--brief", action="store_true", help="gates and super-resolution alone; wants --print")
    parser.add_argument(
        "--exam", action="store_true", help="keep the gates as the exam that pages of these weights' runs show"
    )
    parser.add_argument("--json", type=Path, help="write gates and super-resolution there, too")
    parser.add_argument(
        "--print", action="store_true", help="print the text; write only what --exam and --json ask for"
    )
    args = refuse_repeated(parser).parse_args(argv)
    if args.brief and not args.print:
        parser.error("--brief leaves out what the page shows: add --print")
    if args.guidance is not None and not args.brief:
        parser.error("--guidance measures gates at another weight than the page shows: add --brief --print")
    if args.exam and not args.weights:
        parser.error(
            "--exam is for weights that --weights names; those that ship have theirs from benchmarks.contenders"
        )
    try:
        text = prove(args)
    except (GeneratorError, CheckerError, FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    if args.print:
        print(text)
        return SUCCESS
    write_section(PAGE, START, END, text)
    print(f"{PAGE.relative_to(CHECKOUT)} and the pictures beside it are written")
    return SUCCESS


def prove(args: argparse.Namespace) -> str:
    """All measures, as the text of the page; the pictures are written beside it unless only printing."""
    folder = Path(args.weights) if args.weights else BUNDLED
    fingerprint = open_weights(folder).fingerprint(("base", "sr256", "sr1024"))
    renderer, checker = Renderer(load_sprites(args.sprites)), load_checker(args.checker, device=device())
    training: list[Scene] = []
    concepts: Sequence[str] = ()
    for path in args.training_config:
        config = load_train_config(path)
        assert isinstance(config.data, ScenesConfig)
        concepts = concepts or config.data.concepts or renderer.concepts
        training += scene_pool(config.data, renderer.concepts, config.seed)
    barred = frozenset(scene.caption for scene in training)
    default = float(SPEC.resolve({})["guidance"])
    guidance = default if args.guidance is None else args.guidance
    artist = artist_of(args.weights, guidance)

    results: list[Result] = []
    curve_scenes: list[Scene] = []
    began = time.process_time()
    for gate in GATES:
        for held_out in (False, True):
            scenes = scenes_for(gate, concepts, args.images, held_out=held_out, barred=barred)
            if len(scenes) < 20:
                _say(f"{gate.name}{', held out' if held_out else ''}: too few scenes of these objects")
                continue
            results.append(measure(gate, scenes, artist, checker, renderer, held_out=held_out))
            _say(json.dumps({name: getattr(results[-1], name) for name in Result.__slots__}))
            if not held_out and gate.name != "letters on signs":
                curve_scenes += scenes[: args.curve_images // 3]
    if args.exam:
        cpu_s = (time.process_time() - began) / max(1, sum(result.n for result in results))
        parameters = {"weights": args.weights, "guidance": guidance}
        rows = [exam_row(result) for result in results]
        exams_keep([exam_for("cascade", parameters, rows, cpu_s=cpu_s, objects=len(concepts))])
    sr = [*super_resolution(folder, "sr256", renderer), *super_resolution(folder, "sr1024", renderer, images=8)]
    if args.json:
        gates = [{name: getattr(result, name) for name in Result.__slots__} for result in results]
        told = {"fingerprint": fingerprint, "gates": gates, "super_resolution": sr}
        args.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    if args.brief:
        return "\n\n".join((gates_table(results), super_resolution_table(sr)))
    points = []
    for point in curve(args.weights, GUIDANCES, curve_scenes, checker, renderer):
        points.append(point)
        _say(f"guidance {point.guidance:g}: alignment {point.alignment:.3f}, distance {point.distance:.3f}")
    near = neighbours(curve_scenes[:100], artist, renderer, training[:20_000])
    objects = known(concepts, SHOTS, artist, checker, barred)
    if not args.print:
        PICTURES.mkdir(parents=True, exist_ok=True)
        _sheet(args.weights).save(PICTURES / "cascade-samples.webp", quality=80, method=6)
        _pairs(near).save(PICTURES / "cascade-neighbours.png", optimize=True)
        sheet(objects).save(PICTURES / "cascade-objects.webp", quality=85, method=6)
        plot(points, default, PICTURES / "cascade-curve.svg")
    seen = seen_before(load_head(folder / "base.safetensors").about)
    return page_text(seen, fingerprint, concepts, results, objects, points, near, sr, checker.about, default)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def seen_before(about: str) -> str:
    """What the weights may have seen of what they are asked, by how they say that they were trained."""
    if EARLIER in about:
        return (
            f"These weights began with others that had learned the world's first version ({EARLIER}). Short captions "
            "here may have been in that training, and of the combinations called held out only the colours were held "
            "out throughout. No later training had a caption of this page, or a combination that is called held out."
        )
    if f"world {WORLD}" in about:
        return "No training had a caption of this page, or a combination that is called held out."
    return (
        f"These weights learned an earlier world than {WORLD}. Short captions here may have been in their training, "
        "and of the combinations called held out only the colours were held out."
    )


def page_text(
    seen: str,
    fingerprint: str,
    concepts: Sequence[str],
    results: Sequence[Result],
    objects: Sequence[Known],
    points: Sequence[CurvePoint],
    near: Neighbours,
    sr: Sequence[Mapping[str, float | str]],
    checker: Mapping[str, object],
    guidance: float,
) -> str:
    """The section of docs/cascade.md between its marks."""
    measured = checker.get("measured")
    own = measured if isinstance(measured, Mapping) else {}
    accuracy = ", ".join(f"{name.replace('_', ' ')} {float(value):.0%}" for name, value in own.items())
    parts = [
        _filled(
            f"""Weights `{fingerprint[:16]}` know {len(concepts)} objects. Each row asks for 64x64 pictures at guidance
            {guidance:g}. The scene checker (`generators/world/checker`) judges them. RapidOCR, which knows nothing
            of this world, reads the letters on signs, from pictures enlarged four to eight times."""
        ),
        _bullets(
            "**Shuffled** is the floor: the same pictures, judged by another prompt of the row.",
            "**Renders** are the ceiling: real renders of the same scenes, judged in the same way.",
            "A **gate** is the share from which an ability counts as learned.",
            f"""**The checker's own accuracy**, on renders of all kinds of scenes that it knows, a harder test than
            these rows: {accuracy}.""",
            f"**Training data**: {seen}",
        ),
        gates_table(results),
        "![One picture of each object](images/cascade-objects.webp)",
        _filled(
            f"""The table counts {SHOTS} pictures of each object in a colour. A picture is right if it shows just that.
            The sheet above has the first picture of each, without selection. Signs, storefronts and blackboards are in
            the rows of letters."""
        ),
        objects_table(objects),
        "![Alignment against Frechet distance over guidance weights](images/cascade-curve.svg)",
        _filled(
            f"""Quality against alignment (the paper's figure 4, in our world), {points[0].n} prompts per point.
            Alignment is the share of pictures that show everything that was asked. Distance is the Frechet distance, on
            the checker's features, to renders of the same prompts. It is not FID, and few pictures make it larger."""
        ),
        _rows(
            ("guidance", *(f"{point.guidance:g}" for point in points)),
            [
                ("alignment", *(f"{point.alignment:.0%}" for point in points)),
                ("distance", *(f"{point.distance:.2f}" for point in points)),
            ],
        ),
        "![Drawn pictures and their nearest training renders](images/cascade-neighbours.png)",
        _filled(
            f"""Does it memorise? {near.n} pictures were compared with {near.n_training:,} training renders. The nearest
            render is {near.drawn:.1f} grey levels away (median of root mean squares). For as many new renders of the
            same prompts the distance is {near.fresh:.1f}. The sheet above has the nearest pairs, the drawn picture over
            the render."""
        ),
        _filled(
            """Super-resolution is compared with bicubic on real renders that were averaged down. Sharpness is the mean
            difference of neighbouring pixels, divided by the render's; above 1 there is grain that the render does not
            have. Channel shift is in grey levels of 255."""
        ),
        super_resolution_table(sr),
        f"![The first {EACH} prompts of each category](images/cascade-samples.webp)",
        _filled(
            f"""The first {EACH} prompts of each category of `drawbench-cc0`, one picture each at 256 pixels, without
            selection. Most ask for things that these weights never saw."""
        ),
    ]
    return "\n\n".join(parts)


def gates_table(results: Sequence[Result]) -> str:
    """What was asked and how often it was right, as Markdown."""
    return _rows(
        ("asked", "combinations", "n", "right", "95 % interval", "shuffled", "renders", "gate"),
        [
            (
                row.gate,
                "held out" if row.held_out else "trained",
                f"{row.n}",
                f"{row.drawn:.0%}",
                f"{row.low:.0%} to {row.high:.0%}",
                f"{row.shuffled:.0%}",
                f"{row.renders:.0%}",
                f"{row.least:.0%}: {'met' if row.drawn >= row.least else 'not met'}",
            )
            for row in results
        ],
    )


def super_resolution_table(sr: Sequence[Mapping[str, float | str]]) -> str:
    """Super-resolution against bicubic, as Markdown."""
    return _rows(
        ("", "PSNR, dB", "sharpness", "averaged down, against its input, dB", "channel shift"),
        [tuple(str(value) for value in held.values()) for held in sr],
    )


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(
        " ".join(text.split()), 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _bullets(*texts: str) -> str:
    return "\n".join(_filled(f"- {text}", "  ") for text in texts)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _sheet(weights: str) -> Image.Image:
    with SUITE.open(newline="", encoding="utf-8") as held:
        rows = list(csv.DictReader(held))
    categories = list(dict.fromkeys(row["category"] for row in rows))
    asked = {name: [row["prompt"] for row in rows if row["category"] == name][:EACH] for name in categories}
    generator = load_cascade(SPEC.resolve({"weights": weights}), size=256, device=device())
    requests = [
        ImageRequest(f"{name}/{n}", f"{number:02d}{n:03d}", prompt, 0, 0)
        for number, (name, prompts) in enumerate(asked.items())
        for n, prompt in enumerate(prompts)
    ]
    drawn = {result.key: result.image for result in generator.generate(requests)}
    font, bold = ImageFont.load_default(11), ImageFont.load_default(14)
    cell, text = SHOWN + 8, 46
    left = 150
    sheet = Image.new("RGB", (left + EACH * (cell + 70), len(asked) * (SHOWN + text)), "white")
    ink = ImageDraw.Draw(sheet)
    for row, (name, prompts) in enumerate(asked.items()):
        top = row * (SHOWN + text)
        ink.text((4, top + SHOWN // 2), name, fill="black", font=bold)
        for column, prompt in enumerate(prompts):
            x = left + column * (cell + 70)
            image = drawn[f"{name}/{column}"]
            if image is not None:
                sheet.paste(Image.fromarray(image).resize((SHOWN, SHOWN), Image.Resampling.LANCZOS), (x, top))
            ink.multiline_text((x, top + SHOWN + 1), _wrapped(prompt, 34, 3), fill="black", font=font, spacing=1)
    return sheet


def _wrapped(text: str, width: int, lines: int) -> str:
    return "\n".join(textwrap.wrap(text, width, max_lines=lines, placeholder=" …"))


def _pairs(near: Neighbours) -> Image.Image:
    scale = 96
    sheet = Image.new("RGB", (len(near.pairs) * (scale + 6), 2 * (scale + 6)), "white")
    for column, pair in enumerate(near.pairs):
        for row, picture in enumerate(pair):
            shown = Image.fromarray(np.ascontiguousarray(picture)).resize((scale, scale), Image.Resampling.NEAREST)
            sheet.paste(shown, (column * (scale + 6), row * (scale + 6)))
    return sheet


def plot(points: Sequence[CurvePoint], default: float, path: Path) -> None:
    """Distance over alignment, a dot a guidance weight."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([p.alignment for p in points], [p.distance for p in points], color="#2563a8", marker="o", linewidth=1.5)
    for point in points:
        axes.annotate(
            f"w {point.guidance:g}" + (" (default)" if point.guidance == default else ""),
            (point.alignment, point.distance), textcoords="offset points", xytext=(6, 5), fontsize=8,
        )  # fmt: skip
    axes.set_xlabel("alignment: share of pictures that show all that was asked")
    axes.set_ylabel("Frechet distance (checker's features)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(0.12)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
