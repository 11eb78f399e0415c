"""Sprites for the scenes: openly licensed vector art and drawings of our own, rasterised once to RGBA and cached.

`python -m generators.world.sprites NOTO.tgz FLUENT.tgz --out var/training/sprites-2.npz` reads the npm packages
`@iconify-json/noto` and `@iconify-json/fluent-emoji-flat`, the drawings in `art/`, and the letters of DejaVu. Needs
`pyvips` with `pyvips-binary`. For training only: no image of it ships. docs/training-world.md says how to get it.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from generators.places import fonts_folder
from generators.world.scenes.concepts import CONCEPTS
from generators.world.scenes.drawings import DRAWINGS_TABLE, drawing_key
from generators.world.scenes.grounds import place_key
from generators.world.scenes.lettering import BASELINE, CELL, CHARACTERS, FONTS, PEN, glyph_key
from generators.world.scenes.words import COLOURS, PLACES

__all__ = ["CONCEPTS", "SIZE", "SOURCES", "build_sprites", "load_sprites", "main"]

SIZE = 256
"""Pixels a side of a stored sprite unless asked otherwise; 512 is sharper at 1024 and four times as large."""

FILLED = 0.96
"""Share of its square that a drawing's longer side fills; the margin keeps its edge soft."""

ART = Path(__file__).with_name("art")


@dataclass(frozen=True, slots=True)
class Source:
    """Where drawings come from. `package`: npm's name for it and the version read, "" for drawings of our own."""

    package: str
    version: str
    licence: str
    title: str


SOURCES: dict[str, Source] = {
    "noto": Source("@iconify-json/noto", "1.2.9", "Apache-2.0", "Noto Emoji, Google"),
    "fluent": Source("@iconify-json/fluent-emoji-flat", "1.2.6", "MIT", "Fluent Emoji, Microsoft"),
    "own": Source("", "", "CC0-1.0", "drawn for this project: generators/world/art"),
}
"""Every drawing's origin, by the column of concepts.csv that names it."""

FONT_FILES = {"sans": "DejaVuSans-Bold.ttf", "serif": "DejaVuSerif-Bold.ttf", "mono": "DejaVuSansMono-Bold.ttf"}
"""Of DejaVu, as matplotlib carries them (Bitstream Vera licence)."""


def build_sprites(packages: Mapping[str, Path], size: int = SIZE) -> dict[str, NDArray[np.uint8]]:
    """Name -> RGBA, (size, size, 4), straight alpha: concepts (`cat`, its second drawing `cat#1`), places, letters.

    `packages`: the source's name -> its npm package, as `npm pack` writes it.

    Raises:
        ValueError: a source is missing, or a package lacks an icon.
    """
    missing = [name for name in SOURCES if SOURCES[name].package and name not in packages]
    if missing:
        source = SOURCES[missing[0]]
        raise ValueError(f"{source.package} is missing; get it with: npm pack {source.package}@{source.version}")
    icons = {name: _icons(path) for name, path in packages.items()}
    sprites: dict[str, NDArray[np.uint8]] = {}
    for name, held in CONCEPTS.items():
        for index, (source_name, drawing) in enumerate(held.drawings):
            if source_name == "own":
                svg = (ART / f"{drawing}.svg").read_bytes()
            else:
                svg = _icon_svg(icons[source_name], drawing, packages[source_name])
            sprites[drawing_key(name, index)] = filled(_rasterised(svg, 2 * size), size)
    for place in PLACES:
        sprites[place_key(place)] = _rasterised((ART / "places" / f"{place.replace(' ', '-')}.svg").read_bytes(), size)
    return sprites | dict(_letters(size))


def filled(drawing: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """What is visible of a drawing, (n, n, 4), cut out and centred so that its longer side fills a square of `size`.

    Raises:
        ValueError: nothing is visible.
    """
    seen = drawing[..., 3] > 8
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        raise ValueError("a drawing is empty")
    cut = Image.fromarray(drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = FILLED * size / max(cut.size)
    cut = cut.resize((max(1, round(cut.width * scale)), max(1, round(cut.height * scale))), Image.Resampling.BOX)
    square = Image.new("RGBA", (size, size))
    square.paste(cut, ((size - cut.width) // 2, (size - cut.height) // 2))
    return np.asarray(square)


def visible(sprite: NDArray[np.uint8]) -> tuple[float, float]:
    """Width and height of what is visible of a sprite, as shares of its side."""
    seen = sprite[..., 3] > 8
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    side = len(sprite)
    return (float(columns[-1] - columns[0] + 1) / side, float(rows[-1] - rows[0] + 1) / side)


def main_colours(sprite: NDArray[np.uint8]) -> list[str]:
    """The named colours nearest to most of what is visible: the commonest, and others that have three tenths of it."""
    pixels = sprite[sprite[..., 3] > 127][:, :3].astype(np.float32)
    anchors = np.array(list(COLOURS.values()), dtype=np.float32)
    nearest = ((pixels[:, None] - anchors[None]) ** 2).sum(axis=-1).argmin(axis=1)
    shares = np.bincount(nearest, minlength=len(COLOURS)) / len(pixels)
    names = list(COLOURS)
    return [names[index] for rank, index in enumerate(np.argsort(-shares)) if rank == 0 or shares[index] >= 0.3]


def packages_by_source(packages: Iterable[Path]) -> dict[str, Path]:
    """Each package by its source's name (`source_of`).

    Raises:
        ValueError: as `source_of`, or two are of one source.
    """
    found: dict[str, Path] = {}
    for package in packages:
        name = source_of(package)
        if name in found:
            raise ValueError(f"{found[name]} and {package} are both {SOURCES[name].package}; give one of them")
        found[name] = package
    return found


def write_drawings(sprites: Mapping[str, NDArray[np.uint8]], path: Path = DRAWINGS_TABLE) -> None:
    """The table of `scenes.drawings`: how much of its square each concept's drawing fills, and its colours."""
    with path.open("w", newline="", encoding="utf-8") as held:
        table = csv.writer(held, lineterminator="\n")
        table.writerow(("drawing", "width", "height", "colours"))
        for name, sprite in sprites.items():
            if "/" not in name:
                width, height = visible(sprite)
                table.writerow((name, f"{width:.2f}", f"{height:.2f}", "|".join(main_colours(sprite))))


def load_sprites(path: Path) -> dict[str, NDArray[np.uint8]]:
    """The cached sprites.

    Raises:
        FileNotFoundError: they have not been made; the message says how.
    """
    if not path.is_file():
        packs = " ".join(f"{source.package}@{source.version}" for source in SOURCES.values() if source.package)
        raise FileNotFoundError(
            f"no sprites at {path}. Make them once: npm pack {packs}; pip install -r requirements-train.txt; "
            f"python -m generators.world.sprites iconify-json-*.tgz --out {path}"
        )
    with np.load(path) as held:
        return {name: held[name] for name in held.files}


def source_of(package: Path) -> str:
    """Which of SOURCES an npm package is, by the name inside it.

    Raises:
        ValueError: it is none of them, or no npm package.
    """
    try:
        with tarfile.open(package) as archive:
            inside = json.loads(_member(archive, "/package.json", package))
    except (OSError, tarfile.TarError) as error:
        raise ValueError(f"{package}: not an npm package ({error})") from None
    for name, source in SOURCES.items():
        if source.package == inside.get("name"):
            if inside.get("version") != source.version:
                raise ValueError(
                    f"{package}: version {inside.get('version')}; drawings are chosen from {source.version}"
                )
            return name
    wanted = ", ".join(source.package for source in SOURCES.values() if source.package)
    raise ValueError(f"{package} is {inside.get('name')!r}; wanted are: {wanted}")


def _icons(package: Path) -> dict[str, dict[str, object]]:
    with tarfile.open(package) as archive:
        held = json.loads(_member(archive, "/icons.json", package))
    width, height = held.get("width", 16), held.get("height", 16)
    return {name: {"width": width, "height": height} | icon for name, icon in held["icons"].items()}


def _member(archive: tarfile.TarFile, ending: str, package: Path) -> bytes:
    name = next((name for name in archive.getnames() if name.endswith(ending)), None)
    held = archive.extractfile(name) if name else None
    if held is None:
        raise ValueError(f"{package}: no {ending[1:]} inside; it should be an npm package of an Iconify icon set")
    return held.read()


def _icon_svg(icons: Mapping[str, Mapping[str, object]], name: str, package: Path) -> bytes:
    icon = icons.get(name)
    if icon is None:
        raise ValueError(f"{package}: no icon {name!r}; concepts.csv names it")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {icon["width"]} {icon["height"]}">{icon["body"]}</svg>'
    ).encode()


def _rasterised(svg: bytes, size: int) -> NDArray[np.uint8]:
    pyvips = importlib.import_module("pyvips")  # only here: training's own need, without types
    sized = svg.replace(b"<svg ", f'<svg width="{size}" height="{size}" '.encode(), 1)
    return np.asarray(pyvips.Image.svgload_buffer(sized).numpy(), dtype=np.uint8)


def _letters(size: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Letters in middle grey, which a tint turns into exactly its colour."""
    folder = fonts_folder()
    em = size / CELL
    for name in FONTS:
        font = ImageFont.truetype(str(folder / FONT_FILES[name]), em)
        for character in CHARACTERS:
            cover = Image.new("L", (size, size))
            ImageDraw.Draw(cover).text((PEN * em, BASELINE * em), character, fill=255, font=font, anchor="ls")
            sprite = np.full((size, size, 4), 128, dtype=np.uint8)
            sprite[..., 3] = np.asarray(cover)
            yield glyph_key(name, character), sprite


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.world.sprites", description=__doc__)
    parser.add_argument("packages", type=Path, nargs="+", help="npm packages of icons, as npm pack writes them")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, choices=(128, 256, 512, 1024), default=SIZE)
    parser.add_argument("--drawings", action="store_true", help="write scenes/drawings.csv anew too")
    args = refuse_repeated(parser).parse_args(argv)
    try:
        sprites = build_sprites(packages_by_source(args.packages), args.size)
    except (ValueError, ModuleNotFoundError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, **sprites)  # type: ignore[arg-type]  # numpy's stub takes the names for options
    if args.drawings:
        write_drawings(sprites)
    print(f"{len(sprites)} sprites of {args.size} pixels in {args.out} ({args.out.stat().st_size / 1e6:.1f} MB)")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
