"""How fast the training world is made: `python -m benchmarks.scenes [--sprites FILE] [--scenes N] [--device cuda]`.

Scenes a second of each step that feeds a training, and of both renderers at 256 and 64 pixels, in one run: the ratio
is composer to renderer. On the CPU they are scenes to a CPU-second of one thread, so a busy machine changes them
little; on another device the composer's are to a second of the clock. Without `--sprites`, made-up ones are drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from common.commands import BAD_INPUT, SUCCESS, add_format, refuse_repeated
from generators.world.scenes.captions import sample_scene
from generators.world.scenes.compose import SceneComposer, pack
from generators.world.scenes.concepts import CONCEPTS
from generators.world.scenes.drawings import drawing_key
from generators.world.scenes.grounds import place_key
from generators.world.scenes.layout import lay_out
from generators.world.scenes.lettering import CHARACTERS, FONTS, glyph_key
from generators.world.scenes.render import Renderer
from generators.world.scenes.words import PLACES
from generators.world.sprites import SIZE, load_sprites

SIZES = (256, 64)


def made_up() -> dict[str, NDArray[np.uint8]]:
    """A shaded disc for every drawing of the world: drawing it costs what drawing the real one does."""
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    disc = np.zeros((SIZE, SIZE, 4), dtype=np.uint8)
    disc[..., :3] = ((x + 0.5) * 255).astype(np.uint8)[..., None]
    disc[..., 3] = (np.hypot(x, y) < 0.48) * 255
    names = [drawing_key(name, index) for name, held in CONCEPTS.items() for index in range(len(held.drawings))]
    names += [place_key(place) for place in PLACES]
    names += [glyph_key(font, character) for font in FONTS for character in CHARACTERS]
    return dict.fromkeys(names, disc)


def rate(work: Callable[[], object], scenes: int, clock: Callable[[], float], repeats: int = 3) -> float:
    """Scenes a second of the fastest of some calls, after one to warm up."""
    work()
    best = float("inf")
    for _ in range(repeats):
        began = clock()
        work()
        best = min(best, clock() - began)
    return scenes / best


def measure(sprites: Mapping[str, NDArray[np.uint8]], scenes: int, device: torch.device) -> dict[str, float]:
    """Scenes a second of everything."""
    rng = np.random.default_rng(0)
    renderer, composer = Renderer(sprites), SceneComposer(sprites, device)
    pool = [sample_scene(rng, renderer.concepts) for _ in range(scenes)]
    layouts = [lay_out(scene, rng) for scene in pool]
    packed = pack(layouts, composer.index)

    def composed(size: int) -> object:
        pictures = composer.draw(packed, size)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return pictures

    def rendered(size: int) -> object:
        return [renderer.draw(layout, size) for layout in layouts]

    cpu = time.process_time
    clock = cpu if device.type == "cpu" else time.perf_counter
    rates = {
        "scenes with captions": rate(lambda: [sample_scene(rng, renderer.concepts) for _ in pool], scenes, cpu),
        "layouts": rate(lambda: [lay_out(scene, rng) for scene in pool], scenes, cpu),
        "packed": rate(lambda: pack(layouts, composer.index), scenes, cpu),
    }
    for size in SIZES:
        rates[f"renderer at {size}"] = rate(lambda size=size: rendered(size), scenes, cpu)  # type: ignore[misc]
        rates[f"composer at {size}"] = rate(lambda size=size: composed(size), scenes, clock)  # type: ignore[misc]
    for size in SIZES:
        rates[f"composer to renderer at {size}"] = rates[f"composer at {size}"] / rates[f"renderer at {size}"]
    return rates


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scenes", description=__doc__)
    parser.add_argument("--sprites", type=Path, help="what generators.world.sprites made; default: made-up ones")
    parser.add_argument("--scenes", type=int, default=256, help="how many at once; a thousand or more for a GPU")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ..")
    add_format(parser)
    args = refuse_repeated(parser).parse_args(argv)
    try:
        device = torch.device(args.device)
        if device.type not in ("cpu", "cuda") or (device.type == "cuda" and not torch.cuda.is_available()):
            raise ValueError(f"device {args.device!r} is not here; there is: {_devices()}")
        if args.scenes < 1:
            raise ValueError(f"--scenes {args.scenes}: at least one scene is needed")
        sprites = load_sprites(args.sprites) if args.sprites else made_up()
    except (ValueError, RuntimeError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    torch.set_num_threads(1)
    rates = measure(sprites, args.scenes, device)
    if args.format == "json":
        print(json.dumps({name: round(value, 2) for name, value in rates.items()}, indent=2))
        return SUCCESS
    where = "CPU, one thread" if device.type == "cpu" else torch.cuda.get_device_name(device)
    print(f"Scenes a second, {args.scenes} at once; steps and renderer: CPU, one thread; composer: {where}")
    for name, value in rates.items():
        print(f"  {name:30} {value:12,.2f}" if " to " in name else f"  {name:30} {value:9,.0f}")
    return SUCCESS


def _devices() -> str:
    return ", ".join(["cpu"] + [f"cuda:{index}" for index in range(torch.cuda.device_count())])


if __name__ == "__main__":
    sys.exit(main())
