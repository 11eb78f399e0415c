"""The files of a bundle: a zip, its manifest, and the reading of both with limits.

A bundle of a million ratings has a gigabyte unpacked: its large files are written and read as streams.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from common.errors import UserError
from common.hashes import canonical_json, hash_of
from common.json_in import JsonError, read_json
from evaluation.reports.bundle.chain import public_name, sign
from evaluation.reports.bundle.made_with import made_with

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
LONGEST_LINE = 256 << 20
"""Bytes of a line of `RECORDS` and `CHAIN`: a link that tells of two million withdrawn ratings."""
PIECE = 1 << 20
"""Bytes that are read at once."""
DIGITS_OF_TIME = (1980, 1, 1, 0, 0, 0)  # of every entry: the same contents give the same zip


class BundleError(UserError):
    """A file that can't be read as a bundle; the message says why."""


@dataclass(frozen=True)
class Files(Mapping[str, bytes]):
    """The files of the zip at `path` by name, each read when it is asked for. `sha256`: by name their hashes, as read
    when the bundle was.
    """

    path: Path
    sha256: Mapping[str, str]

    def __getitem__(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def __iter__(self) -> Iterator[str]:
        return iter(self.sha256)

    def __len__(self) -> int:
        return len(self.sha256)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A file as a stream of its bytes.

        Raises:
            KeyError: there is none of this name.
            BundleError: it can't be read.
        """
        if name not in self.sha256:
            raise KeyError(name)
        with _zip(self.path) as archive, archive.open(name) as file:
            yield file


@dataclass(frozen=True)
class Bundle:
    """A bundle as read: its manifest, and its other files by name."""

    manifest: Mapping[str, Any]
    files: Files

    def document(self, name: str) -> Any:
        """A JSON file's value.

        Raises:
            BundleError: it is no JSON.
        """
        return _document(name, self.files[name])

    def each_line(self, name: str) -> Iterator[Any | BundleError]:
        """The values of a file with one JSON value a line, one after another; in place of one that can't be read (no
        JSON, or longer than `LONGEST_LINE`), why.
        """
        with self.files.open(name) as file:
            number = 0
            while line := file.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                    while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                        line = file.readline(LONGEST_LINE)
                    yield BundleError(f"{name}, line {number}, is longer than {LONGEST_LINE >> 20} MiB.")
                    continue
                try:
                    yield read_json(line)
                except JsonError as error:
                    yield BundleError(f"{name}, line {number}, can't be read: {error}.")

    def lines(self, name: str) -> list[Any]:
        """All of `each_line`.

        Raises:
            BundleError: one can't be read.
        """
        found = []
        for value in self.each_line(name):
            if isinstance(value, BundleError):
                raise value
            found.append(value)
        return found


def json_bytes(value: object) -> bytes:
    """A value as a file."""
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1, sort_keys=True) + "\n").encode()


def line_bytes(value: object) -> bytes:
    """A value as a line of a file."""
    return f"{canonical_json(value)}\n".encode()


def lines_bytes(values: Iterable[object]) -> bytes:
    """Values, one a line."""
    return b"".join(map(line_bytes, values))


def file_head(name: str, sha256: str) -> str:
    """What is signed of a file beside the manifest as a whole, so that the changed one is named."""
    return hash_of([name, sha256])


class BundleWriter:
    """Writes a bundle, one file after another, the manifest last."""

    def __init__(self, archive: zipfile.ZipFile, key: Ed25519PrivateKey) -> None:
        self._archive, self._key = archive, key
        self._hashes: dict[str, str] = {}

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Writing]:
        """A file to write to; it is whole when the block ends."""
        entry = zipfile.ZipInfo(name, DIGITS_OF_TIME)
        entry.compress_type = zipfile.ZIP_DEFLATED
        with self._archive.open(entry, "w", force_zip64=True) as out:
            writing = Writing(out)
            yield writing
            writing.flush()
        self._hashes[name] = writing.sha256

    def add(self, name: str, parts: bytes | Iterable[bytes]) -> None:
        """Write a file from its bytes, or parts of them."""
        with self.file(name) as out:
            for part in [parts] if isinstance(parts, bytes) else parts:
                out.write(part)

    def finish(self, head: Mapping[str, Any]) -> dict[str, Any]:
        """Write the manifest, and return it. `head`: what it has beside what made it, the files' hashes, key and
        signatures.
        """
        signatures = {name: sign(self._key, file_head(name, sha256)) for name, sha256 in self._hashes.items()}
        signed = {"files": self._hashes, "signatures": signatures, "public_key": public_name(self._key)}
        manifest: dict[str, Any] = {"schema": SCHEMA, "made_with": made_with(), **head, **signed}
        manifest["signature"] = sign(self._key, hash_of(manifest))
        self.add(MANIFEST, json_bytes(manifest))
        return manifest


class Writing:
    """A file that is written in small parts: they are gathered, hashed and packed a piece at a time."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._waiting, self._n = out, [b""], 0
        self._digest = hashlib.sha256()

    def write(self, part: bytes) -> None:
        """Append some bytes."""
        self._waiting.append(part)
        self._n += len(part)
        if self._n >= PIECE:
            self.flush()

    def flush(self) -> None:
        """Pack what waits."""
        piece = b"".join(self._waiting)
        self._digest.update(piece)
        self._out.write(piece)
        self._waiting.clear()
        self._n = 0

    @property
    def sha256(self) -> str:
        """Of what was packed, in hexadecimal."""
        return self._digest.hexdigest()


@contextlib.contextmanager
def bundle_writer(path: Path | BinaryIO, key: Ed25519PrivateKey) -> Iterator[BundleWriter]:
    """A bundle to write. `key`: signs it.

    Raises:
        OSError: there is no writing there.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        yield BundleWriter(archive, key)


def read_bundle(path: Path) -> Bundle:
    """Read a bundle; nothing of it is checked yet but that it can be read.

    Raises:
        BundleError: it is no bundle, or holds what no bundle has.
    """
    with _zip(path) as archive:
        infos = archive.infolist()
        names = [info.filename for info in infos]
        if len(set(names)) != len(names):
            raise BundleError(f"{path.name} holds a file twice.")
        if sum(info.file_size for info in infos) > LARGEST:
            raise BundleError(f"{path.name} is larger than {LARGEST >> 30} GiB unpacked.")
        manifest: Any = _document(MANIFEST, archive.read(MANIFEST)) if MANIFEST in names else {"schema": SCHEMA}
        _refuse_other_forms(path.name, manifest)
        strange = sorted(set(names) - ALLOWED)
        if strange:
            raise BundleError(f"{path.name} holds {strange[0]}, which no bundle has.")
        missing = [name for name in (MANIFEST, *ALWAYS) if name not in names]
        if missing:
            raise BundleError(f"{path.name} is no bundle: it lacks {', '.join(missing)}.")
        hashes = {}
        for name in names:
            with archive.open(name) as file:
                hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    del hashes[MANIFEST]
    return Bundle(manifest, Files(path, hashes))


def _refuse_other_forms(name: str, manifest: Any) -> None:
    """A manifest of another schema; a bundle of a newer version says so."""
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if schema == SCHEMA:
        return
    form, _, version = str(schema).partition("/")
    if form == SCHEMA.partition("/")[0] and version:
        raise BundleError(
            f"{name} is a bundle of the form {schema}, and this program knows {SCHEMA}. Check it with the version of "
            "the program that made it, or a newer one."
        )
    raise BundleError(f"{name} is no bundle that this program knows: its schema is not {SCHEMA}.")


@contextlib.contextmanager
def _zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """The zip at `path`; what fails within, as it is unpacked, is a `BundleError` as well."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise BundleError(f"{path} can't be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BundleError(f"{path.name} can't be read as a zip: {str(error).rstrip('.')}.") from error


def _document(name: str, data: bytes) -> Any:
    try:
        return read_json(data)
    except JsonError as error:
        raise BundleError(f"{name} can't be read: {error}") from error
