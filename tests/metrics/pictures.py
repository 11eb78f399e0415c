"""Small pictures for the tests, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, width: int = 48, height: int = 40) -> Image.Image:
    """A smooth picture of random colours, RGB."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def pictures(folder: Path, count: int, first: int = 0) -> Path:
    """`count` PNGs of different sizes in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + count):
        picture(i, 40 + i % 5, 44 - i % 3).save(folder / f"{i:03d}.png")
    return folder


def spoilt(folder: Path) -> dict[str, str]:
    """Files in `folder` that can't be scored; for each a word of the reason."""
    whole = folder / "whole.png"
    picture(999).save(whole)
    data = whole.read_bytes()
    whole.unlink()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    flipped = bytearray(data)
    flipped[len(flipped) // 2] ^= 0xFF
    (folder / "flipped.png").write_bytes(flipped)
    (folder / "empty.png").write_bytes(b"")
    (folder / "page.jpg").write_text("<!doctype html><p>Not found")
    (folder / "dangling.png").symlink_to(folder / "nowhere")
    picture(1).save(folder / "moving.gif", save_all=True, append_images=[picture(2)])
    picture(1).save(folder / "moving.webp", save_all=True, append_images=[picture(2)])
    Image.fromarray(np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)).save(folder / "float.tiff")
    return {
        "cut.png": "damaged",
        "flipped.png": "damaged",
        "empty.png": "empty",
        "page.jpg": "web page",
        "dangling.png": "leads nowhere",
        "moving.gif": "GIF",
        "moving.webp": "2 frames",
        "float.tiff": "32 bits",
    }
