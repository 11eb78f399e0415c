"""Hashes that say whether two things are the same: of values, files, sets of files and sources."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path


def canonical_json(value: object, *, spaced: bool = False) -> str:
    """The one JSON text of `value`: keys sorted, no blanks, no NaN.

    `spaced`: the form with a blank after each comma and colon and in ASCII alone. New hashes do without it: it is for
    those that were stored under it (seeds of studies, parameters, settings, references, folders of features and of
    token states), which would all be others.

    Raises:
        ValueError: a number is not finite.
        TypeError: JSON has no such value.
    """
    separators = (", ", ": ") if spaced else (",", ":")
    return json.dumps(value, sort_keys=True, separators=separators, ensure_ascii=spaced, allow_nan=False)


def hash_of(value: object, *, spaced: bool = False) -> str:
    """SHA-256 of `canonical_json(value)`, in hexadecimal."""
    return hashlib.sha256(canonical_json(value, spaced=spaced).encode()).hexdigest()


def bytes_sha256(data: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal: the name that the image store keeps a file under."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; the file is not held in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_hash(hashes: Mapping[str, str]) -> str:
    """SHA-256 over (name, SHA-256) of each file, in order of name: the identity of a set of files."""
    digest = hashlib.sha256()
    for name, sha256 in sorted(hashes.items()):
        digest.update(canonical_json([name, sha256], spaced=True).encode() + b"\n")
    return digest.hexdigest()


def sources_version(*folders: Path, leave_out: Iterable[str] = ()) -> str:
    """16 digits of a SHA-256 over the Python files of `folders` and below.

    They change when one of the files changes, moves, comes or goes, with git or without. `leave_out`: folders right
    below one of `folders` that do not count.
    """
    spared = set(leave_out)
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            place = path.relative_to(folder)
            if place.parts[0] not in spared:
                digest.update(f"{folder.name}/{place.as_posix()}\0{file_sha256(path)}\n".encode())
    return digest.hexdigest()[:16]
