"""A run kept in a folder: `<prompt id>/<sample>.png` and a manifest, safe against a kill at any moment.

An image is written beside its place, brought to the disk, renamed, and then entered in the manifest; so a file in
the manifest is whole, and one that is not in it is drawn again.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

from common.files import partial_files_remove, write_whole
from common.hashes import bytes_sha256
from common.images import encode_png
from generators.contract import FailureKind, GeneratorError, GeneratorInfo, ImageRequest, ImageResult
from generators.manifest import (
    FILE_NAME,
    ManifestError,
    RunIdentity,
    append_line,
    now,
    read_manifest,
    session_line,
)

if sys.platform != "win32":  # there, two runs in one folder are not noticed
    import fcntl

_HARMLESS = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))


class FolderSink:
    """Where `generators.runner.run` puts a run's images, and how it resumes. Use it as a context manager.

    `retry_failed`: ask again for requests that were refused, filtered or invalid; failures that may pass are always
    asked again. `notes`: what a person should know about resuming.

    Raises:
        GeneratorError: the folder holds something else, another run, or a prompt's id stands there for another text;
            or another process is writing to it.
    """

    def __init__(
        self,
        folder: Path,
        identity: RunIdentity,
        info: GeneratorInfo,
        requests: Iterable[ImageRequest],
        *,
        retry_failed: bool = False,
    ) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self._done: set[str] = set()
        path = folder / FILE_NAME
        if not path.exists():
            _must_be_empty(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("ab")
        try:
            self._lock(path)
            partial_files_remove(folder, seconds=0)  # nobody else writes here
            self._resume(path, identity, info, requests, retry_failed)
            append_line(self._file, session_line(identity, info))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> FolderSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def done_keys(self) -> Collection[str]:
        """Keys of the requests whose image is there (or that were answered without one)."""
        return frozenset(self._done)

    def put(self, request: ImageRequest, result: ImageResult) -> None:
        """Write the image, then its line; or the failure's line."""
        line: dict[str, object] = {
            "kind": "image" if result.image is not None else "failure",
            "key": request.key,
            "prompt_id": request.prompt_id,
            "prompt": request.prompt,
            "sample": request.sample,
        }
        if result.image is not None:
            png = encode_png(result.image)
            name = image_name(request.prompt_id, request.sample)
            write_whole(self.folder / name, png)
            height, width, _ = result.image.shape
            line |= {"file": name, "sha256": bytes_sha256(png), "bytes": len(png), "width": width, "height": height}
        elif result.failure is not None:
            line |= {"failure": str(result.failure.kind), "message": result.failure.message}
        line |= {"seconds": result.seconds, "provenance": dict(result.provenance), "time": now()}
        append_line(self._file, line)
        self._done.add(request.key)

    def close(self) -> None:
        """Close the manifest and let go of the folder."""
        self._file.close()

    def _lock(self, path: Path) -> None:
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GeneratorError(
                f"another process is writing to {path.parent}; wait for it or choose another folder"
            ) from None
        except OSError:  # a file system without locks
            self.notes.append("this file system has no locks: do not start a second run in the same folder")

    def _resume(
        self,
        path: Path,
        identity: RunIdentity,
        info: GeneratorInfo,
        requests: Iterable[ImageRequest],
        retry_failed: bool,
    ) -> None:
        content = read_manifest(path)
        if content.whole_bytes < path.stat().st_size:
            self._file.truncate(content.whole_bytes)
            self.notes.append("the manifest's last line was cut off and is dropped; its image is drawn again")
        if content.identity is None:
            return
        if differences := identity.differences(content.identity):
            raise ManifestError(
                f"{self.folder} holds another run ({'; '.join(differences)}). "
                "Choose another folder, or give the same settings to go on with it"
            )
        texts = {str(line["prompt_id"]): str(line["prompt"]) for line in (*content.images, *content.failures)}
        for request in requests:
            if texts.get(request.prompt_id, request.prompt) != request.prompt:
                raise ManifestError(
                    f'{self.folder} holds prompt {request.prompt_id} as "{texts[request.prompt_id]}", '
                    f'not "{request.prompt}". Choose another folder'
                )
        if (earlier := content.sessions[-1].get("generator_version")) != info.version:
            self.notes.append(f"earlier images are by version {earlier} of the generator, now it is {info.version}")
        lost = 0
        for line in content.images:
            if _size(self.folder / str(line.get("file"))) == line.get("bytes"):
                self._done.add(str(line["key"]))
            else:
                self._done.discard(str(line["key"]))
                lost += 1
        if lost:
            self.notes.append(f"{lost} images of the manifest are missing or have another length; they are drawn again")
        if not retry_failed:
            lasting = {str(kind) for kind in FailureKind if not kind.retryable}
            self._done |= {str(line["key"]) for line in content.failures if line.get("failure") in lasting}


def image_name(prompt_id: str, sample: int) -> str:
    """An image's place in a run's folder: "00012/3.png"."""
    if not prompt_id.isalnum():
        raise GeneratorError(f"prompt id {prompt_id!r} is not of letters and digits; it names a folder")
    return f"{prompt_id}/{sample}.png"


def _must_be_empty(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise GeneratorError(f"{folder} is a file, not a folder")
    found = sorted(entry.name for entry in folder.iterdir() if entry.name not in _HARMLESS) if folder.is_dir() else []
    if found:
        shown = ", ".join(found[:3]) + (" ..." if len(found) > 3 else "")
        raise GeneratorError(f"{folder} is not empty ({shown}) and holds no run to go on with. Choose another folder")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
