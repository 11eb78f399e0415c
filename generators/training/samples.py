"""What the weights draw at three guidance weights, as one picture: `python -m generators.training.samples`.

Prompts in the sentence shapes of DrawBench, whatever comes out: failures stay in. The measures are
`benchmarks.weights`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from common.places import PICTURES
from common.words import prompt_name
from generators.cascade.generator import CascadeGenerator, load_cascade
from generators.cascade.spec import SPEC
from generators.contract import GeneratorError, ImageRequest

GRID_PROMPTS = (
    "A red colored car.",
    "A purple umbrella.",
    "A heart that is blue.",
    "A house in the snow.",
    "Two black cats.",
    "Five yellow stars.",
    "A red fish and a blue hat.",
    "A banana to the left of an apple.",
    "A green bird above a white book.",
    "A storefront with 'OPEN' written on it.",
    "A blackboard that says 'Good Day'.",
    "A giraffe.",
    "A dog riding a bicycle.",
)
"""Within its world and, the last two, beyond it: the giraffe and riding were not taught to the end."""

GUIDANCES = (1.0, 2.0, 4.0)
GAP = 6


def grid(generators: Sequence[CascadeGenerator], labels: Sequence[str], samples: int, size: int) -> Image.Image:
    """One row a prompt, `samples` images a generator side by side, labels above and prompts below."""
    columns = len(generators) * samples
    label_height = max(14, size // 5)
    width = GAP + columns * (size + GAP) + (len(generators) - 1) * 3 * GAP
    picture = Image.new("RGB", (width, label_height + len(GRID_PROMPTS) * (size + label_height + GAP)), "white")
    ink = ImageDraw.Draw(picture)
    font = ImageFont.load_default(label_height * 3 // 4)
    for block, (generator, label) in enumerate(zip(generators, labels, strict=True)):
        left = GAP + block * (samples * (size + GAP) + 3 * GAP)
        ink.text((left, 1), label, fill="black", font=font)
        asked = [
            ImageRequest(f"{row}/{sample}", prompt_name(row), prompt, sample, 0)
            for row, prompt in enumerate(GRID_PROMPTS)
            for sample in range(samples)
        ]
        drawn = {result.key: result.image for result in generator.generate(asked)}
        for row, prompt in enumerate(GRID_PROMPTS):
            top = label_height + row * (size + label_height + GAP)
            for sample in range(samples):
                image = drawn[f"{row}/{sample}"]
                if image is not None:
                    picture.paste(Image.fromarray(image), (left + sample * (size + GAP), top))
            if block == 0:
                ink.text((left, top + size), prompt, fill="black", font=font)
    return picture


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.samples", description=__doc__)
    parser.add_argument("--weights", default="", help="folder of the weights; default: those that ship")
    parser.add_argument("--out", type=Path, default=PICTURES / "cascade-guidance.webp")
    parser.add_argument("--size", type=int, choices=(64, 256), default=256, help="pixels drawn; 256 is shown at 102")
    parser.add_argument("--samples", type=int, default=2, help="images a prompt and guidance weight")
    args = refuse_repeated(parser).parse_args(argv)
    try:
        generators = [
            load_cascade(SPEC.resolve({"weights": args.weights, "guidance": w}), size=args.size, device="cpu")
            for w in GUIDANCES
        ]
    except (GeneratorError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    picture = grid(generators, [f"guidance {w:g}" for w in GUIDANCES], args.samples, args.size)
    if args.size == 256:
        picture = picture.resize((picture.width * 2 // 5, picture.height * 2 // 5), Image.Resampling.LANCZOS)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    picture.save(args.out, quality=85)
    print(f"{args.out}: {picture.width} x {picture.height}")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
