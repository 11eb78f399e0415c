"""The files of a bundle: a zip, its manifest, and the reading of both with limits."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from common.errors import UserError
from common.hashes import bytes_sha256, canonical_json, hash_of
from common.json_in import JsonError, read_json
from evaluation.reports.bundle.chain import public_name, sign

SCHEMA = "drawbench-bundle/1"
MANIFEST = "manifest.json"
RATINGS, ANSWERS, SCORES = "ratings.csv", "answers.csv", "scores.csv"
SPECIFICATION, SUITE, DESIGN, RUNS = LOCKED = ("specification.json", "suite.json", "design.json", "runs.json")
"""What the study locked when it opened, each hashed in the first link of the chain."""
RECORDS, CHAIN, INPUT, REPORT = "records.jsonl", "chain.jsonl", "input.json", "report.json"
ALWAYS = (*LOCKED, RATINGS, RECORDS, CHAIN, INPUT, REPORT)
ALLOWED = frozenset((*ALWAYS, MANIFEST, ANSWERS, SCORES))
LARGEST = 4 << 30
"""Bytes of all files together, unpacked."""
DIGITS_OF_TIME = (1980, 1, 1, 0, 0, 0)  # of every entry: the same contents give the same zip


class BundleError(UserError):
    """A file that can't be read as a bundle; the message says why."""


@dataclass(frozen=True)
class Bundle:
    """A bundle as read: its manifest, and its files by name."""

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    def document(self, name: str) -> Any:
        """A JSON file's value.

        Raises:
            BundleError: it is no JSON.
        """
        try:
            return read_json(self.files[name])
        except JsonError as error:
            raise BundleError(f"{name} can't be read: {error}") from error

    def lines(self, name: str) -> list[Any]:
        """The values of a file with one JSON value a line.

        Raises:
            BundleError: a line is no JSON.
        """
        found = []
        for number, line in enumerate(self.files[name].splitlines(), start=1):
            try:
                found.append(read_json(line))
            except JsonError as error:
                raise BundleError(f"{name}, line {number}, can't be read: {error}") from error
        return found


def json_bytes(value: object) -> bytes:
    """A value as a file."""
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1, sort_keys=True) + "\n").encode()


def lines_bytes(values: Iterable[object]) -> bytes:
    """Values, one a line."""
    return "".join(f"{canonical_json(each)}\n" for each in values).encode()


def file_head(name: str, sha256: str) -> str:
    """What is signed of a file beside the manifest as a whole, so that the changed one is named."""
    return hash_of([name, sha256])


def write_bundle(
    path: Path | BinaryIO, head: Mapping[str, Any], files: Mapping[str, bytes], key: Ed25519PrivateKey
) -> Bundle:
    """Write a bundle. `head`: of the manifest what is not its files' hashes, key and signature.

    Raises:
        OSError: there is no writing there.
    """
    hashes = {name: bytes_sha256(data) for name, data in files.items()}
    signatures = {name: sign(key, file_head(name, sha256)) for name, sha256 in hashes.items()}
    signed = {"files": hashes, "signatures": signatures, "public_key": public_name(key)}
    manifest: dict[str, Any] = {"schema": SCHEMA, **head, **signed}
    manifest["signature"] = sign(key, hash_of(manifest))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {MANIFEST: json_bytes(manifest), **files}.items():
            archive.writestr(zipfile.ZipInfo(name, DIGITS_OF_TIME), data, zipfile.ZIP_DEFLATED)
    return Bundle(manifest, files)


def read_bundle(path: Path) -> Bundle:
    """Read a bundle; nothing of it is checked yet but that it can be read.

    Raises:
        BundleError: it is no bundle, or holds what no bundle has.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            strange = sorted(set(names) - ALLOWED)
            if strange:
                raise BundleError(f"{path.name} holds {strange[0]}, which no bundle has.")
            if len(set(names)) != len(names):
                raise BundleError(f"{path.name} holds a file twice.")
            if sum(info.file_size for info in infos) > LARGEST:
                raise BundleError(f"{path.name} is larger than {LARGEST >> 30} GiB unpacked.")
            missing = [name for name in (MANIFEST, *ALWAYS) if name not in names]
            if missing:
                raise BundleError(f"{path.name} is no bundle: it lacks {', '.join(missing)}.")
            files = {name: archive.read(name) for name in names}
    except OSError as error:
        raise BundleError(f"{path} can't be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BundleError(f"{path.name} can't be read as a zip: {str(error).rstrip('.')}.") from error
    bundle = Bundle({}, files)
    manifest = bundle.document(MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise BundleError(f"{path.name} is no bundle that this program knows: its schema is not {SCHEMA}.")
    return Bundle(manifest, {name: data for name, data in files.items() if name != MANIFEST})
