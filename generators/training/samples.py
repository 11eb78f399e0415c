"""What the weights draw, as one picture and as numbers: `python -m generators.training.samples`.

The grid takes prompts in the sentence shapes of DrawBench, whatever comes out: failures stay in. `--measure` draws
prompts of the training world and counts how often the colour asked for is the colour drawn, beside the same images
judged by another prompt's colour (the floor) and real renders judged alike (the ceiling).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from generators.cascade.generator import CascadeGenerator, load_cascade
from generators.cascade.spec import SPEC
from generators.contract import GeneratorError, ImageRequest
from generators.training.scenes.captions import COLOURS, Scene, Thing, article, held_out
from generators.training.scenes.layout import lay_out
from generators.training.scenes.render import Renderer
from generators.training.sprites import CONCEPTS, load_sprites

GRID_PROMPTS = (
    "A red colored car.",
    "A black apple and a green backpack.",
    "A pink colored giraffe.",
    "Three cars on the street.",
    "Five yellow stars.",
    "Two dogs on the grass.",
    "A train on top of a skateboard.",
    "A banana to the left of an apple.",
    "A blue bird below a white cloud.",
    "A panda making latte art.",
    "A horse riding an astronaut.",
    "A storefront with 'Hello World' written on it.",
)
"""Within its world and beyond: a cloud, latte art, riding and writing were never taught."""

GUIDANCES = (1.0, 3.0, 5.0)
GAP, LABEL = 6, 18


def grid(generators: Sequence[CascadeGenerator], labels: Sequence[str], samples: int, size: int) -> Image.Image:
    """One row a prompt, `samples` images a generator side by side, labels above and prompts below."""
    columns = len(generators) * samples
    width = GAP + columns * (size + GAP) + (len(generators) - 1) * 3 * GAP
    picture = Image.new("RGB", (width, LABEL + len(GRID_PROMPTS) * (size + LABEL + GAP)), "white")
    ink = ImageDraw.Draw(picture)
    font = ImageFont.load_default(13)
    for block, (generator, label) in enumerate(zip(generators, labels, strict=True)):
        left = GAP + block * (samples * (size + GAP) + 3 * GAP)
        ink.text((left, 1), label, fill="black", font=font)
        asked = [
            ImageRequest(f"{row}/{sample}", f"{row:05d}", prompt, sample, 0)
            for row, prompt in enumerate(GRID_PROMPTS)
            for sample in range(samples)
        ]
        drawn = {result.key: result.image for result in generator.generate(asked)}
        for row, prompt in enumerate(GRID_PROMPTS):
            top = LABEL + row * (size + LABEL + GAP)
            for sample in range(samples):
                image = drawn[f"{row}/{sample}"]
                if image is not None:
                    picture.paste(Image.fromarray(image), (left + sample * (size + GAP), top))
            if block == 0:
                ink.text((left, top + size), prompt, fill="black", font=font)
    return picture


@dataclass(frozen=True, slots=True)
class ColourAccuracy:
    """Share of images whose object has the colour asked for. `n`: images a share rests on."""

    n: int
    drawn: float
    shuffled: float
    real_renders: float


def main_colour(image: NDArray[np.uint8]) -> str:
    """The named colour of a picture's object on a plain ground: the commonest among pixels unlike the border.

    Each pixel goes to the nearest of the eleven named colours, by hue where it has one.
    """
    pixels = image.astype(np.float32)
    border = np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    ground = np.median(border, axis=0)
    unlike = np.abs(pixels - ground).max(axis=-1)
    object_pixels = pixels[unlike > 40]
    if len(object_pixels) < 0.01 * image.shape[0] * image.shape[1]:
        return "none"
    names = list(COLOURS)
    anchors = np.array([COLOURS[name] for name in names], dtype=np.float32)
    nearest = ((object_pixels[:, None] - anchors[None]) ** 2).sum(axis=-1).argmin(axis=1)
    return names[int(np.bincount(nearest, minlength=len(names)).argmax())]


def measure_colours(generator: CascadeGenerator, renderer: Renderer, *, unseen: bool, n: int) -> ColourAccuracy:
    """Colour accuracy on n prompts "a red apple", each pair of colour and concept in training or (`unseen`) not."""
    rng = np.random.Generator(np.random.Philox(17))
    pairs = [(colour, concept) for colour in COLOURS for concept in CONCEPTS if held_out(colour, concept) == unseen]
    chosen = [pairs[index] for index in rng.choice(len(pairs), n, replace=n > len(pairs))]
    asked = [
        ImageRequest(str(index), f"{index:05d}", article(f"{colour} {concept}"), 0, 17)
        for index, (colour, concept) in enumerate(chosen)
    ]
    images = {result.key: result.image for result in generator.generate(asked)}
    found = [main_colour(image) if (image := images[str(index)]) is not None else "none" for index in range(n)]
    wanted = [colour for colour, _ in chosen]
    others = [wanted[index] for index in rng.permutation(n)]
    renders = [
        main_colour(renderer.draw(lay_out(Scene((Thing(concept, colour),), ""), rng), 64)) for colour, concept in chosen
    ]
    return ColourAccuracy(n, _share(found, wanted), _share(found, others), _share(renders, wanted))


def _share(found: Sequence[str], wanted: Sequence[str]) -> float:
    return sum(one == other for one, other in zip(found, wanted, strict=True)) / len(wanted)


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.samples", description=__doc__)
    parser.add_argument("--weights", default="", help="folder of the weights; default: those that ship")
    parser.add_argument("--out", type=Path, default=Path("docs/images/cascade-samples.png"))
    parser.add_argument("--size", type=int, choices=(64, 256), default=256, help="pixels drawn; shown at 128 or less")
    parser.add_argument("--samples", type=int, default=3, help="images a prompt and guidance weight")
    parser.add_argument("--measure", type=int, metavar="N", help="print colour accuracy on N prompts instead")
    parser.add_argument("--sprites", type=Path, default=Path("var/training/sprites.npz"), help="for --measure")
    args = parser.parse_args(argv)
    try:
        if args.measure:
            renderer = Renderer(load_sprites(args.sprites))
            table: dict[str, dict[str, dict[str, float]]] = {}
            for w in GUIDANCES:
                generator = load_cascade(SPEC.resolve({"weights": args.weights, "guidance": w}), size=64, device="cpu")
                table[f"{w:g}"] = {
                    name: _as_dict(measure_colours(generator, renderer, unseen=unseen, n=args.measure))
                    for name, unseen in (("trained pairs", False), ("held-out pairs", True))
                }
            print(json.dumps(table, indent=2))
            return 0
        generators = [
            load_cascade(SPEC.resolve({"weights": args.weights, "guidance": w}), size=args.size, device="cpu")
            for w in GUIDANCES
        ]
    except (GeneratorError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    picture = grid(generators, [f"guidance {w:g}" for w in GUIDANCES], args.samples, args.size)
    if args.size == 256:
        picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(200, method=Image.Quantize.MEDIANCUT).save(args.out, optimize=True)
    print(f"{args.out}: {picture.width} x {picture.height}")
    return 0


def _as_dict(accuracy: ColourAccuracy) -> dict[str, float]:
    return {name: round(float(getattr(accuracy, name)), 3) for name in accuracy.__slots__}


if __name__ == "__main__":
    sys.exit(main())
