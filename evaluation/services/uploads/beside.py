"""What stands beside an upload's images, read once from its archive and kept in the staging folder for matching."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict

from common.files import write_whole
from evaluation.declared import DECLARED, checked_declaration
from evaluation.errors import InputError
from evaluation.models import Upload
from evaluation.services.store.images import full_disk_errors
from evaluation.services.uploads.archive import Archive
from evaluation.services.uploads.drop import staging_of
from evaluation.services.uploads.entries import DamagedEntryError
from generators.contract import GeneratorError
from generators.filenames.captions import Beside, Caption, files_beside, read_beside
from generators.filenames.filelist import FileEntry
from generators.filenames.loose_texts import MOST_BYTES, READ_LOOSELY
from generators.filenames.other_tables import PromptOrder

BESIDE = "beside.json"

MAX_LIST_BYTES = 64 * 2**20
MAX_ALL_BYTES = 256 * 2**20
"""Of all lists and captions of one upload, which are in memory together."""


def beside_keep(upload: Upload, archive: Archive) -> Beside:
    """Read lists and captions, unless an earlier call has, and keep them; declare of `upload` what a list says of all
    images and nobody has declared.

    Raises:
        InputError: a list can't be read, or there is too much of it.
    """
    target = staging_of(upload) / BESIDE
    if not target.exists():
        try:
            beside = _read(upload, archive)
        except GeneratorError as error:
            raise InputError(str(error), field="source") from error
        entries = [*(beside.entries or ()), *archive.said]
        content = {
            "entries": [asdict(entry) for entry in entries],
            "captions": {name: asdict(caption) for name, caption in beside.captions.items()},
            "used": sorted(beside.used),
            "notes": list(beside.notes),
            "declared": dict(beside.declared),
            "orders": [[order.source, list(order.texts.items()), order.loose] for order in beside.orders],
        }
        with full_disk_errors(target.parent):
            write_whole(target, json.dumps(content, ensure_ascii=False).encode(), sync="nothing")
    beside = beside_of(upload)
    _declare(upload, beside.declared)
    return beside


def _declare(upload: Upload, said: Mapping[str, object]) -> None:
    found: dict[str, object] = {}
    for name in DECLARED:
        if name in said and name not in upload.declared:
            with suppress(InputError):  # what could not be kept stays unknown
                found |= checked_declaration({name: said[name]})
    if found:
        upload.declared = {**upload.declared, **found}
        upload.save(update_fields=["declared"])


def beside_of(upload: Upload) -> Beside:
    """What was kept; nothing where nothing was."""
    path = staging_of(upload) / BESIDE
    if not path.exists():
        return Beside()
    content = json.loads(path.read_bytes())
    return Beside(
        entries=tuple(FileEntry(**entry) for entry in content.get("entries", ())) or None,
        captions={name: Caption(**caption) for name, caption in content.get("captions", {}).items()},
        used=frozenset(content.get("used", ())),
        notes=tuple(content.get("notes", ())),
        declared=content.get("declared", {}),
        orders=tuple(PromptOrder(source, dict(texts), *rest) for source, texts, *rest in content.get("orders", ())),
    )


def _read(upload: Upload, archive: Archive) -> Beside:
    names = [entry.name for entry in archive.entries if not entry.is_row]
    contents: dict[str, bytes] = {}
    total = 0
    for name in archive.in_order(list(files_beside(names))):
        loose = name.lower().endswith(READ_LOOSELY)
        try:
            data = archive.read(name, MOST_BYTES if loose else MAX_LIST_BYTES)
        except DamagedEntryError as error:
            raise InputError(f"{name}: {error}", field="source") from error
        if loose and len(data) > MOST_BYTES:
            data = b""
        total += len(data)
        for what, size, most in ((name, len(data), MAX_LIST_BYTES), (upload.file_name, total, MAX_ALL_BYTES)):
            if size > most:
                raise InputError(
                    f"{what} has more than {most // 2**20} MiB of lists and captions, too much for one upload. "
                    "Send the images in parts, as runs on parts of the suite.",
                    field="source",
                )
        contents[name] = data
    return read_beside(names, contents.__getitem__)
