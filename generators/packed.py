"""A run in one file: its manifest, and its images as WebP, small because lossy.

`python -m generators.packed FOLDER --out FILE.zip` packs what `python -m generators.sample` drew into FOLDER. The file
has `manifest.jsonl` and `<prompt>/<sample>.webp`. Its manifest is the folder's, with what is stored instead of what was
drawn: each image's line has the SHA-256 of both (`sha256`, `drawn_sha256`), the session's line says `stored_as`.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from common.commands import SUCCESS, add_format, refuse_repeated, run_command
from common.files import write_whole
from common.hashes import bytes_sha256
from generators.contract import GeneratorError
from generators.manifest import FILE_NAME, ManifestContent, ManifestError, manifest_content, read_manifest

SCHEMA = "drawbench-packed/1"

QUALITY = 90
"""Of WebP, from 0 to 100: the files take a fourteenth of PNG's room."""

EFFORT = 6
"""Of WebP, from 0 to 6: the smallest file that it finds."""

FORMAT = "webp"
LARGEST = 64 * 1024**2
"""Bytes of a file that is read whole."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every entry, so that the same run makes the same bytes."""


@dataclass(frozen=True, slots=True)
class PackedRun:
    """A run as it was read: its `manifest`, and the bytes of each image by the `file` of its line."""

    manifest: ManifestContent
    images: dict[str, bytes]


def stored_as(quality: int = QUALITY) -> str:
    """What images are stored as, in words for manifests and people."""
    return f"WebP, lossy, quality {quality}"


def lossy(picture: Image.Image, quality: int = QUALITY) -> bytes:
    """A picture's file as it is packed: RGB, nothing but pixels."""
    out = io.BytesIO()
    picture.convert("RGB").save(out, FORMAT.upper(), quality=quality, method=EFFORT)
    return out.getvalue()


def pack_run(folder: Path, out: Path, *, quality: int = QUALITY) -> int:
    """Pack the run in `folder` (`generators.folder_sink`) into the file `out`; how many images it has.

    Raises:
        GeneratorError: `folder` holds no run, or one with failures, or an image of it is gone.
        SaveError: `out` can't be written.
    """
    content = read_manifest(folder / FILE_NAME)
    if content.identity is None or not content.images:
        raise GeneratorError(
            f"{folder} holds no images: draw them first, with python -m generators.sample --out {folder}"
        )
    if content.failures:
        raise GeneratorError(
            f"{len(content.failures)} images of {folder} failed: draw them with python -m generators.sample first"
        )
    lines = [content.sessions[0] | {"stored_as": stored_as(quality)}]
    images: dict[str, bytes] = {}
    for line in content.images:
        try:
            with Image.open(folder / str(line["file"]), formats=["PNG"]) as picture:
                data = lossy(picture, quality)
        except (OSError, SyntaxError) as error:
            raise GeneratorError(f"{folder / str(line['file'])} can't be read as an image ({error})") from None
        name = f"{line['prompt_id']}/{line['sample']}.{FORMAT}"
        images[name] = data
        lines.append(
            line | {"file": name, "sha256": bytes_sha256(data), "bytes": len(data), "drawn_sha256": line["sha256"]}
        )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        text = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
        archive.writestr(_entry(FILE_NAME, zipfile.ZIP_DEFLATED), text.encode())
        for name, data in images.items():
            archive.writestr(_entry(name, zipfile.ZIP_STORED), data)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, written.getvalue())
    return len(images)


def read_packed(path: Path) -> PackedRun:
    """The run in the file `path`, each image held to the hash that its line says.

    Raises:
        ManifestError: it can't be read, or is damaged.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise ManifestError(f"{path} is larger than a packed run may be ({LARGEST // 1024**2} MiB)")
            held = {name: archive.read(name) for name in archive.namelist()}
    except OSError as error:
        raise ManifestError(f"{path} can't be read: {(error.strerror or str(error)).lower()}") from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ManifestError(f"{path} is damaged: it is no zip that can be read ({error})") from None
    if FILE_NAME not in held:
        raise ManifestError(f"{path} has no {FILE_NAME}: it is no packed run")
    manifest = manifest_content(held.pop(FILE_NAME), path)
    if manifest.identity is None:
        raise ManifestError(f"{path} is no packed run: its manifest has no session")
    for line in manifest.images:
        name = str(line.get("file", ""))
        if name not in held or bytes_sha256(held[name]) != line.get("sha256"):
            raise ManifestError(f"{path} is damaged: {name or 'an image'} is not the image that its manifest names")
    return PackedRun(manifest, held)


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = compression
    entry.external_attr = 0o644 << 16
    return entry


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m generators.packed",
        description="Pack a run that python -m generators.sample drew into one file: its manifest, its images as WebP.",
    )
    made.add_argument("folder", type=Path, metavar="FOLDER", help="of the run, with manifest.jsonl")
    made.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .zip to write")
    made.add_argument(
        "--quality", type=int, default=QUALITY, metavar="N", help=f"of WebP, 0 to 100 (default: {QUALITY})"
    )
    add_format(made)
    return made


def main(arguments: Sequence[str]) -> int:
    """Pack; the exit code."""
    options = refuse_repeated(parser()).parse_args(arguments)
    if not 0 <= options.quality <= 100:
        raise GeneratorError(f"--quality {options.quality}: 0 to 100")
    n_images = pack_run(options.folder, options.out, quality=options.quality)
    size = options.out.stat().st_size
    if options.format == "json":
        print(json.dumps({"schema": SCHEMA, "out": str(options.out), "images": n_images, "bytes": size}))
    else:
        print(f"{options.out}: {n_images} images, {stored_as(options.quality)}, {size / 1e6:.1f} MB")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(run_command(main))
