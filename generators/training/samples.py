"""What the weights draw, as one picture and as numbers: `python -m generators.training.samples`.

The grid takes prompts in the sentence shapes of DrawBench, whatever comes out: failures stay in. `--measure N` draws
prompts of the training world and counts how often the object drawn has the colour and the silhouette asked for, beside
the same images judged by another prompt's words (the floor) and real renders judged alike (the ceiling).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from generators.cascade.generator import CascadeGenerator, load_cascade
from generators.cascade.spec import SPEC
from generators.contract import GeneratorError, ImageRequest
from generators.training.config import load_train_config
from generators.training.data_config import ScenesConfig
from generators.training.scenes.captions import COLOURS, Scene, Thing, article, held_out
from generators.training.scenes.layout import lay_out
from generators.training.scenes.render import Renderer
from generators.training.sprites import load_sprites

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
    "A giraffe.",
    "A dog riding a bicycle.",
    "A shop sign that says Hello.",
)
"""Within its world and, the last three, beyond it: the giraffe, riding and writing were not taught to the end."""

GUIDANCES = (1.0, 3.0, 5.0)
TAUGHT: tuple[str, ...] = cast(
    ScenesConfig, load_train_config(Path(__file__).parent / "configs" / "mini-base-16.json").data
).concepts
"""The objects that the base's last training showed it."""

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
            ImageRequest(f"{row}/{sample}", f"{row:05d}", prompt, sample, 0)
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


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Shares of images whose object has the colour, and the shape, asked for. `n`: images a share rests on.

    `shuffled`: the same images judged by other prompts' words, the floor; `renders`: real renders, the ceiling.
    """

    n: int
    colour: float
    colour_shuffled: float
    colour_renders: float
    shape: float
    shape_shuffled: float
    shape_renders: float


def object_mask(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where a picture on a plain ground differs from the ground (the border's median colour)."""
    pixels = image.astype(np.float32)
    border = np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    unlike: NDArray[np.bool_] = np.abs(pixels - np.median(border, axis=0)).max(axis=-1) > 40
    return unlike


def main_colour(image: NDArray[np.uint8]) -> str:
    """The named colour of a picture's object: the commonest among its pixels, each going to the nearest named one."""
    mask = object_mask(image)
    if mask.mean() < 0.01:
        return "none"
    names = list(COLOURS)
    anchors = np.array([COLOURS[name] for name in names], dtype=np.float32)
    nearest = ((image[mask].astype(np.float32)[:, None] - anchors[None]) ** 2).sum(axis=-1).argmin(axis=1)
    return names[int(np.bincount(nearest, minlength=len(names)).argmax())]


def silhouette(mask: NDArray[np.bool_], side: int = 32) -> NDArray[np.bool_]:
    """A mask's bounding box, centred in a square and resized, so that place and size don't matter."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros((side, side), dtype=bool)
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longest = max(box.shape)
    square = np.zeros((longest, longest), dtype=np.uint8)
    top, left = (longest - box.shape[0]) // 2, (longest - box.shape[1]) // 2
    square[top : top + box.shape[0], left : left + box.shape[1]] = box * np.uint8(255)
    return np.asarray(Image.fromarray(square).resize((side, side), Image.Resampling.BOX)) > 127


def main_shape(image: NDArray[np.uint8], templates: Mapping[str, NDArray[np.bool_]]) -> str:
    """The concept whose silhouette overlaps the picture's object most (intersection over union)."""
    drawn = silhouette(object_mask(image))
    overlap = {name: (drawn & known).sum() / max(1, (drawn | known).sum()) for name, known in templates.items()}
    return max(overlap, key=lambda name: float(overlap[name]))


def measure(
    generator: CascadeGenerator,
    sprites: Mapping[str, NDArray[np.uint8]],
    concepts: Sequence[str],
    *,
    unseen: bool,
    n: int,
) -> Accuracy:
    """Accuracy on n prompts like "a red apple", their pairs of colour and concept in training or (`unseen`) not."""
    rng = np.random.Generator(np.random.Philox(17))
    renderer = Renderer(sprites)
    templates = {name: silhouette(sprites[name][..., 3] > 127) for name in concepts}
    pairs = [(colour, concept) for colour in COLOURS for concept in concepts if held_out(colour, concept) == unseen]
    chosen = [pairs[int(index)] for index in rng.choice(len(pairs), n, replace=n > len(pairs))]
    asked = [
        ImageRequest(str(index), f"{index:05d}", article(f"{colour} {concept}"), 0, 17)
        for index, (colour, concept) in enumerate(chosen)
    ]
    by_key = {result.key: result.image for result in generator.generate(asked)}
    drawn = [image for index in range(n) if (image := by_key[str(index)]) is not None]
    if len(drawn) < n:
        raise GeneratorError(f"{n - len(drawn)} of {n} images could not be drawn")
    renders = [renderer.draw(lay_out(Scene((Thing(concept, colour),), ""), rng), 64) for colour, concept in chosen]
    colours, shapes = [colour for colour, _ in chosen], [concept for _, concept in chosen]
    order = rng.permutation(n)
    found_colours, found_shapes = (
        [main_colour(image) for image in drawn],
        [main_shape(image, templates) for image in drawn],
    )
    return Accuracy(
        n=n,
        colour=_share(found_colours, colours),
        colour_shuffled=_share(found_colours, [colours[index] for index in order]),
        colour_renders=_share([main_colour(image) for image in renders], colours),
        shape=_share(found_shapes, shapes),
        shape_shuffled=_share(found_shapes, [shapes[index] for index in order]),
        shape_renders=_share([main_shape(image, templates) for image in renders], shapes),
    )


def _share(found: Sequence[str], wanted: Sequence[str]) -> float:
    return sum(one == other for one, other in zip(found, wanted, strict=True)) / len(wanted)


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.samples", description=__doc__)
    parser.add_argument("--weights", default="", help="folder of the weights; default: those that ship")
    parser.add_argument("--out", type=Path, default=Path("docs/images/cascade-samples.png"))
    parser.add_argument("--size", type=int, choices=(64, 256), default=256, help="pixels drawn; 256 is shown at 102")
    parser.add_argument("--samples", type=int, default=2, help="images a prompt and guidance weight")
    parser.add_argument("--measure", type=int, metavar="N", help="print accuracy on N prompts instead")
    parser.add_argument("--sprites", type=Path, default=Path("var/training/sprites.npz"), help="for --measure")
    args = parser.parse_args(argv)
    try:
        if args.measure:
            sprites = load_sprites(args.sprites)
            table: dict[str, dict[str, dict[str, float]]] = {}
            for w in GUIDANCES:
                generator = load_cascade(SPEC.resolve({"weights": args.weights, "guidance": w}), size=64, device="cpu")
                table[f"{w:g}"] = {
                    name: _as_dict(measure(generator, sprites, TAUGHT, unseen=unseen, n=args.measure))
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
        picture = picture.resize((picture.width * 2 // 5, picture.height * 2 // 5), Image.Resampling.LANCZOS)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    picture.save(args.out, optimize=True)
    print(f"{args.out}: {picture.width} x {picture.height}")
    return 0


def _as_dict(accuracy: Accuracy) -> dict[str, float]:
    return {name: round(float(getattr(accuracy, name)), 3) for name in accuracy.__slots__}


if __name__ == "__main__":
    sys.exit(main())
