"""Sample scenes with their captions as one picture: `python -m generators.world.sheet --sprites FILE`.

One row for each of the suites' categories that the world has, drawn by chance from a fixed seed.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from common.places import PICTURES
from generators.places import SPRITES
from generators.world.scenes.captions import sample_scene
from generators.world.scenes.layout import lay_out
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites

CATEGORIES = (
    "Colors", "Counting", "Positional", "Conflicting", "DALL-E", "Text", "Descriptions", "Rare Words", "Misspellings",
)  # fmt: skip
LINES, LINE = 3, 12
GAP = 8
HUES = 255
"""Colours of the picture's palette: it stays small."""


def sheet(renderer: Renderer, *, columns: int, side: int, seed: int) -> Image.Image:
    """The picture: a heading and `columns` scenes a category, captions below them, cut after LINES lines."""
    rng = np.random.default_rng(seed)
    step = side + LINES * LINE + GAP
    picture = Image.new("RGB", (GAP + columns * (side + GAP), len(CATEGORIES) * (step + 18)), "white")
    ink, font, heading = ImageDraw.Draw(picture), ImageFont.load_default(10), ImageFont.load_default(14)
    for row, category in enumerate(CATEGORIES):
        top = row * (step + 18)
        ink.text((GAP, top + 1), category, fill="black", font=heading)
        for column in range(columns):
            scene = sample_scene(rng, renderer.concepts, category=category)
            tile = Image.fromarray(renderer.draw(lay_out(scene, rng), 256)).resize((side, side), Image.Resampling.BOX)
            left = GAP + column * (side + GAP)
            picture.paste(tile, (left, top + 18))
            lines = textwrap.wrap(scene.caption, side // 5, max_lines=LINES, placeholder=" ..")
            ink.multiline_text((left, top + 18 + side), "\n".join(lines), fill="#333", font=font, spacing=1)
    return picture


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.world.sheet", description=__doc__)
    parser.add_argument("--sprites", type=Path, default=SPRITES)
    parser.add_argument("--out", type=Path, default=PICTURES / "training-world.png")
    parser.add_argument("--columns", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    args = refuse_repeated(parser).parse_args(argv)
    try:
        renderer = Renderer(load_sprites(args.sprites))
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    picture = sheet(renderer, columns=args.columns, side=128, seed=args.seed)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(HUES, dither=Image.Dither.NONE).save(args.out, optimize=True)
    print(f"{args.out}: {picture.width} x {picture.height}, {args.out.stat().st_size / 1000:.0f} kB")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
