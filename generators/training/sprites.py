"""Sprites for the scenes: openly licensed vector art, rasterised once to RGBA and cached.

`python -m generators.training.sprites ICONS.tgz --out var/training/sprites.npz` reads the npm package
`@iconify-json/noto` (Noto Emoji, Apache-2.0; get it with `npm pack @iconify-json/noto@1.2.9`). Needs `pyvips-binary`.
For training only: no image of it ships.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZE = 512
"""Pixels a side of a stored sprite."""

CONCEPTS: dict[str, str] = {
    "apple": "red-apple",
    "banana": "banana",
    "car": "automobile",
    "dog": "dog",
    "cat": "cat",
    "tree": "deciduous-tree",
    "clock": "alarm-clock",
    "ball": "soccer-ball",
    "bus": "bus",
    "fish": "fish",
    "star": "star",
    "heart": "red-heart",
    "house": "house",
    "umbrella": "umbrella",
    "chair": "chair",
    "cup": "hot-beverage",
    "book": "closed-book",
    "hat": "top-hat",
    "key": "key",
    "flower": "tulip",
    "bird": "bird",
    "boat": "sailboat",
    "horse": "horse",
    "sheep": "ewe",
    "pizza": "pizza",
    "bicycle": "bicycle",
    "backpack": "backpack",
    "donut": "doughnut",
    "train": "locomotive",
    "airplane": "airplane",
    "bear": "bear",
    "elephant": "elephant",
    "giraffe": "giraffe",
    "zebra": "zebra",
    "cow": "cow",
    "panda": "panda",
    "rabbit": "rabbit",
    "broccoli": "broccoli",
    "carrot": "carrot",
    "sandwich": "sandwich",
    "glass": "wine-glass",
    "laptop": "laptop",
    "couch": "couch-and-lamp",
    "television": "television",
    "skateboard": "skateboard",
    "guitar": "guitar",
    "shoe": "running-shoe",
    "hamburger": "hamburger",
    "cake": "birthday-cake",
    "penguin": "penguin",
    "butterfly": "butterfly",
    "robot": "robot",
    "astronaut": "astronaut",
    "rocket": "rocket",
}
"""Concept -> icon of the package."""


def rasterise(package: Path, size: int = SIZE) -> dict[str, NDArray[np.uint8]]:
    """Concept -> RGBA, (size, size, 4), straight alpha.

    Raises:
        ValueError: the package has no icons file or lacks an icon.
    """
    pyvips = importlib.import_module("pyvips")  # only here: training's own need, without types
    with tarfile.open(package) as archive:
        member = next((name for name in archive.getnames() if name.endswith("/icons.json")), None)
        held = archive.extractfile(member) if member else None
        if held is None:
            raise ValueError(f"{package}: no icons.json inside; it should be an npm package of an Iconify icon set")
        icons = json.load(held)
    sprites: dict[str, NDArray[np.uint8]] = {}
    for concept, name in CONCEPTS.items():
        icon = icons["icons"].get(name)
        if icon is None:
            raise ValueError(f"{package}: no icon {name!r} (for {concept}); was it another version than 1.2.9?")
        width, height = icon.get("width", icons.get("width", 16)), icon.get("height", icons.get("height", 16))
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 {width} {height}" width="{size}" height="{size}">{icon["body"]}</svg>'
        )
        sprites[concept] = np.asarray(pyvips.Image.svgload_buffer(svg.encode()).numpy(), dtype=np.uint8)
    return sprites


def load_sprites(path: Path) -> dict[str, NDArray[np.uint8]]:
    """The cached sprites.

    Raises:
        FileNotFoundError: they have not been made; the message says how.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"no sprites at {path}. Make them once: npm pack @iconify-json/noto@1.2.9; pip install pyvips-binary "
            f"pyvips; python -m generators.training.sprites iconify-json-noto-1.2.9.tgz --out {path}"
        )
    with np.load(path) as held:
        return {name: held[name] for name in held.files}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    sprites = rasterise(args.package)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(args.out, **sprites)  # type: ignore[arg-type]  # numpy's stub takes the names for options
    print(f"{len(sprites)} sprites of {SIZE} pixels in {args.out}")


if __name__ == "__main__":
    main()
