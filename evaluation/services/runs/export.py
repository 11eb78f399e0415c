"""A run as a folder: its images and the manifest of how each was made."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from common.hashes import bytes_sha256
from evaluation.errors import InputError
from evaluation.models import GenerationRun
from evaluation.selectors.runs import run_manifest
from evaluation.services.store.images import full_disk_errors, path_of
from generators.contract import GeneratorError
from generators.manifest import FILE_NAME
from generators.watermark import Watermark, marked_box, read_watermark, watermarked


def run_export(*, run: GenerationRun, folder: Path, watermark: str = "") -> GenerationRun:
    """Write `<prompt>/<sample>.png` and, last, `manifest.jsonl` into `folder`, which is made or empty.

    `watermark`: a text or the path of a logo, put into the corner of the copies; the store's images stay as they are.

    Raises:
        InputError: the folder holds something, or can't be written; or the watermark is none.
    """
    try:
        mark = read_watermark(watermark) if watermark else None
    except GeneratorError as error:
        raise InputError(str(error), field="watermark") from error
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty. Give a new or empty folder.", field="folder")
    with full_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lines: list[str] = []
        for line in run_manifest(run):
            if line["kind"] == "image":
                target = folder / str(line["file"])
                target.parent.mkdir(exist_ok=True)
                source = path_of(str(line["sha256"]), target.suffix.removeprefix("."))
                if mark is None:
                    shutil.copyfile(source, target)
                else:
                    data = _marked(source, mark)
                    target.write_bytes(data)
                    line |= {"unmarked_sha256": line["sha256"], "watermark": mark.label}
                    line |= {"sha256": bytes_sha256(data), "bytes": len(data)}
            if line["kind"] == "session" and mark is not None:
                line["watermark"] = mark.label
            lines.append(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        (folder / FILE_NAME).write_text("".join(lines), encoding="utf-8")
    return run


def _marked(source: Path, mark: Watermark) -> bytes:
    """An image's file with the mark, in the same format; what is not marked stays the same where the format allows."""
    with Image.open(source, formats=["PNG", "JPEG", "WEBP", "AVIF"]) as image:
        kind = image.format or "PNG"
        alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
        picture = Image.fromarray(watermarked(np.asarray(image.convert("RGB")), mark))
    if alpha is not None and kind != "JPEG":
        wide, high = marked_box(picture.width, picture.height, mark)
        corner = (round(picture.width * (1 - wide)), round(picture.height * (1 - high)))
        alpha.paste(255, (*corner, *picture.size))  # a mark that shines through would be none
        picture.putalpha(alpha)
    out = io.BytesIO()
    options: dict[str, int | bool] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True, "method": 1},
        "AVIF": {"quality": 95},
    }.get(kind, {})
    picture.save(out, kind, **options)
    return out.getvalue()
