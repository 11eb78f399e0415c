"""What the prompt checks make of pictures whose content is known: text by size, colours of things before backgrounds.

Each figure stands beside its floor: the same pictures asked for another text, or another colour.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.commands import refuse_repeated
from evaluation.metrics.prompts.colours import TERMS, colours_of
from evaluation.metrics.prompts.text_match import match_text
from evaluation.metrics.prompts.text_reader import load_reader
from generators.places import fonts_folder
from generators.world.scenes.words import COLOURS

TEXTS = (
    "OPEN", "HELLO", "Stop here", "Fresh bread", "Mind the step", "Deep Learning", "42", "No. 7", "Good morning",
    "SALE 50%", "Text to Image", "Library",
)  # fmt: skip
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "DejaVuSansMono-Bold.ttf")
SIDES = (64, 96, 128, 192, 256)


def sign(text: str, side: int, font: str, chance: random.Random) -> Image.Image:
    """A picture of `side` pixels with a board on a noisy ground, and `text` across most of the board."""
    noise = np.random.default_rng(chance.randrange(2**32)).integers(60, 200, (side // 8, side // 8, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((4 * side, 4 * side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    dark = chance.random() < 0.5
    board, ink = ((30, 60, 50), (245, 240, 220)) if dark else ((240, 236, 220), (40, 30, 90))
    draw.rectangle((0.1 * side, 1.2 * side, 3.9 * side, 2.8 * side), fill=board)
    path = fonts_folder() / font
    height = 1.2 * side
    while True:
        face = ImageFont.truetype(str(path), height)
        left, top, right, bottom = draw.textbbox((0, 0), text, font=face)
        if right - left <= 3.5 * side:
            break
        height *= 0.95
    draw.text((2 * side - (left + right) / 2, 2 * side - (top + bottom) / 2), text, font=face, fill=ink)
    return image.rotate(chance.uniform(-4, 4), Image.Resampling.BICUBIC).resize((side, side), Image.Resampling.LANCZOS)


def reading(sides: Sequence[int], seed: int) -> None:
    """Print, for each size, how well the texts are read."""
    reader = load_reader()
    print("| pixels | exact | letters right | letters right, another text asked for | seconds an image |")
    print("|---|---|---|---|---|")
    for side in sides:
        chance = random.Random(seed)
        exact, accuracy, other, started = [], [], [], time.perf_counter()
        for font in FONTS:
            for number, text in enumerate(TEXTS):
                lines = [line.text for line in reader.read(sign(text, side, font, chance))]
                found = match_text(text, lines)
                exact.append(found.exact)
                accuracy.append(found.accuracy)
                other.append(match_text(TEXTS[(number + 5) % len(TEXTS)], lines).accuracy)
        seconds = (time.perf_counter() - started) / len(exact)
        print(f"| {side} | {np.mean(exact):.0%} | {np.mean(accuracy):.0%} | {np.mean(other):.0%} | {seconds:.2f} |")


def colours(seed: int, pictures: int) -> None:
    """Print how often a thing's colour is named, and how often another one is, by its kind of background."""
    print("| background | its colour is named | another colour is accepted (mean of the ten) |")
    print("|---|---|---|")
    for kind in ("plain", "two colours", "noise"):
        chance = random.Random(seed)
        right, wrong = [], []
        for _ in range(pictures):
            name, (first, second) = chance.choice(TERMS), chance.sample(TERMS, 2)
            image = _background(kind, first if first != name else second, second, chance)
            x, y, width, height = (chance.uniform(*span) for span in ((16, 50), (16, 50), (24, 60), (24, 60)))
            fill = tuple(max(0, min(255, round(part * chance.uniform(0.85, 1.1)))) for part in _colour(name))
            shape = chance.choice(("ellipse", "rectangle", "polygon"))
            box = (x, y, x + width, y + height)
            if shape == "polygon":
                corners = [(x + width / 2, y), (x + width, y + height), (x, y + height)]
                ImageDraw.Draw(image).polygon(corners, fill=fill)
            else:
                getattr(ImageDraw.Draw(image), shape)(box, fill=fill)
            found = colours_of(np.asarray(image), tuple(side / 128 for side in box))  # type: ignore[arg-type]
            right.append(name in found)
            wrong.append(sum(term in found for term in TERMS if term != name) / 10)
        print(f"| {kind} | {np.mean(right):.0%} | {np.mean(wrong):.1%} |")


def _colour(name: str) -> tuple[int, int, int]:
    return COLOURS["gray" if name == "grey" else name]


def _background(kind: str, first: str, second: str, chance: random.Random) -> Image.Image:
    image = Image.new("RGB", (128, 128), _colour(first))
    if kind == "two colours":
        ImageDraw.Draw(image).rectangle((0, chance.randrange(30, 100), 128, 128), fill=_colour(second))
    elif kind == "noise":
        made = np.random.default_rng(chance.randrange(2**32)).integers(0, 256, (10, 10, 3), dtype=np.uint8)
        image = Image.fromarray(made).resize((128, 128), Image.Resampling.BICUBIC)
    return image


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--pictures", type=int, default=400, help="of things with a colour")
    options = refuse_repeated(parser).parse_args()
    reading(options.sides, options.seed)
    print()
    colours(options.seed, options.pictures)


if __name__ == "__main__":
    main()
