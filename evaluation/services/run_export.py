"""A run as a folder: its images and the manifest of how each was made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from evaluation.errors import InputError
from evaluation.models import GenerationRun
from evaluation.selectors.runs import run_manifest
from evaluation.services.image_store import full_disk_told, path_of
from generators.manifest import FILE_NAME


def run_export(*, run: GenerationRun, folder: Path) -> GenerationRun:
    """Write `<prompt>/<sample>.png` and, last, `manifest.jsonl` into `folder`, which is made or empty.

    Raises:
        InputError: the folder holds something, or can't be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty: give a new folder, or an empty one.", field="folder")
    with full_disk_told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lines: list[str] = []
        for line in run_manifest(run):
            if line["kind"] == "image":
                target = folder / str(line["file"])
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(path_of(str(line["sha256"]), target.suffix.removeprefix(".")), target)
            lines.append(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        (folder / FILE_NAME).write_text("".join(lines), encoding="utf-8")
    return run
