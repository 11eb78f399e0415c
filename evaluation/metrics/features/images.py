"""The images of a folder, decoded in processes of their own and handed over in order.

A file that is damaged, hangs the decoder or kills it becomes a `Skipped` with the reason; the run goes on.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.hashes import file_sha256
from common.images import child_end
from common.images.decode import sniff
from common.places import CHECKOUT
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.decode import EXTENSIONS
from evaluation.metrics.features.resize import Recipe

_SECONDS = 90.0
"""Wall time that one file may take, the start of a child included."""
_AHEAD = 4
"""Files decoded ahead, per worker; bounds the memory that waits."""


@dataclass(frozen=True)
class Decoded:
    """`file`: its path below the folder, with `/`. `pixels`: (side, side, 3). `sha256`: of the file."""

    file: str
    pixels: NDArray[np.uint8] | NDArray[np.float32]
    sha256: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Skipped:
    """A file that is not scored, and why. `sha256`: of the file, "" where it could not be told."""

    file: str
    why: str
    sha256: str = ""


def skipped_record(skipped: Iterable[Skipped], folder: Path | None = None) -> list[dict[str, str]]:
    """Skipped files as JSON: the name, below `folder` where one is given, and why."""
    return [{"file": _name_of(skip.file, folder), "why": _printable(skip.why)} for skip in skipped]


def converted_record(converted: Iterable[tuple[str, str]], folder: Path | None = None) -> list[dict[str, str]]:
    """Files whose pixels had to be changed to be RGB, as JSON: the name as in `skipped_record`, and how."""
    return [{"file": _name_of(file, folder), "how": how} for file, how in converted]


def _name_of(file: str, folder: Path | None) -> str:
    """The name of `file`, below `folder` where one is given, that can be printed."""
    return _printable(file if folder is None else str(folder / file))


def _printable(text: str) -> str:
    """`text`, with names that are no UTF-8 written so that they can be printed."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


@dataclass(frozen=True)
class Listing:
    """The files that are to be scored, sorted by name; and what is named but not looked into.

    `places`: where each file lies, for files that are not below `folder` under their names (a run's, in the image
    store). `hashes`: SHA-256 of each file, where it is known already.
    """

    folder: Path
    files: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()
    places: Mapping[str, Path] | None = None
    hashes: Mapping[str, str] | None = None

    def place(self, file: str) -> Path:
        """Where `file` lies."""
        return self.folder / file if self.places is None else self.places[file]

    def only(self, files: Collection[str]) -> Listing:
        """The same list with those of its files that are in `files`."""
        return replace(self, files=tuple(file for file in self.files if file in files))


def listing_of(
    places: Mapping[str, Path],
    *,
    folder: Path,
    hashes: Mapping[str, str] | None = None,
    skipped: Sequence[Skipped] = (),
) -> Listing:
    """A list of files by name, wherever they lie. `folder`: what messages call it.

    Raises:
        MetricError: there are none.
    """
    if not places:
        raise MetricError(f"There are no images in {folder}.")
    return Listing(folder, tuple(sorted(places)), tuple(skipped), dict(places), hashes)


def list_images(folder: Path) -> Listing:
    """All image files below `folder`, by extension or else by their first bytes; hidden files and others are no images.

    Links to files are followed; links to folders are not, and are named in `skipped`.

    Raises:
        MetricError: there is no such folder, it can't be read, or it holds no image.
    """
    if not folder.exists():
        raise MetricError(f"There is no folder {folder}.")
    if not folder.is_dir():
        raise MetricError(f"{folder} is a file. Give a folder of images; it is searched with its subfolders.")
    files: list[str] = []
    skipped: list[Skipped] = []

    def unreadable(error: OSError) -> None:
        skipped.append(Skipped(_below(folder, Path(error.filename)), f"the folder can't be read: {error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=unreadable):
        for name in sorted(folders):
            if (Path(place) / name).is_symlink() and not name.startswith("."):
                skipped.append(Skipped(_below(folder, Path(place) / name), "a link to a folder; it is not followed"))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if not name.startswith(".") and _is_image(path):
                files.append(_below(folder, path))
    if not files:
        more = f" ({skipped[0].file}: {skipped[0].why})" if skipped else ""
        raise MetricError(f"There are no images in {folder}{more}. Supported are PNG, JPEG, WebP, BMP, TIFF and PPM.")
    return Listing(folder, tuple(sorted(files)), tuple(skipped))


def default_workers(files: int) -> int:
    """Decoding processes for so many files: a decoder takes about 4 ms an image, and a tenth of a second to start."""
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        processors = os.cpu_count() or 1
    return max(1, min(16, processors, files // 16))


def decode_images(
    listing: Listing, recipe: Recipe, network_size: int, *, workers: int
) -> Generator[Decoded | Skipped, None, None]:
    """Each file of `listing` decoded, in its order, by `workers` processes that work a little ahead."""
    idle: queue.SimpleQueue[_Decoder] = queue.SimpleQueue()
    decoders = [_Decoder() for _ in range(max(1, min(workers, len(listing.files))))]
    for decoder in decoders:
        idle.put(decoder)
    job = {"recipe": asdict(recipe), "network_size": network_size}

    def one(file: str) -> Decoded | Skipped:
        decoder = idle.get()
        try:
            return decoder.decode(file, {"path": str(listing.place(file).absolute()), **job})
        finally:
            idle.put(decoder)

    waiting: deque[Future[Decoded | Skipped]] = deque()
    pool = ThreadPoolExecutor(len(decoders), thread_name_prefix="decode-images")
    try:
        for file in listing.files:
            waiting.append(pool.submit(one, file))
            if len(waiting) > _AHEAD * len(decoders):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for decoder in decoders:
            decoder.stop()
        pool.shutdown(wait=True, cancel_futures=True)
        for decoder in decoders:
            decoder.close()


def file_hashes(listing: Listing) -> dict[str, str]:
    """SHA-256 of each file, taken from the list where it has them; "" for what can't be read."""
    hashes = {}
    for file in listing.files:
        known = (listing.hashes or {}).get(file)
        if known:
            hashes[file] = known
            continue
        path, hashes[file] = listing.place(file), ""
        try:
            if path.is_file():  # a pipe would never end
                hashes[file] = file_sha256(path)
        except OSError:
            continue  # named as skipped when it is decoded
    return hashes


class _Decoder:
    """One decoding child: started when needed, replaced when a file kills it."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def decode(self, file: str, job: dict[str, object]) -> Decoded | Skipped:
        if self._stopped:
            return Skipped(file, "the run was stopped")
        child = self._child = self._child or _start()
        late = threading.Event()

        def end_it() -> None:
            late.set()
            child.kill()

        clock = threading.Timer(_SECONDS, end_it)
        clock.daemon = True
        clock.start()
        try:
            header, payload = _exchange(child, job)
        except (EOFError, OSError, ValueError):
            self.close()
            if late.is_set():
                return Skipped(file, f"decoding it takes longer than {_SECONDS:g} seconds")
            return Skipped(file, "the decoder died of it: the file is damaged, or made to do harm")
        finally:
            clock.cancel()
        if "why" in header:
            return Skipped(file, str(header["why"]), str(header["sha256"]))
        pixels = np.frombuffer(payload, dtype=str(header["dtype"])).reshape(
            [int(str(n)) for n in _items(header["shape"])]
        )
        notes = tuple(str(note) for note in _items(header["notes"]))
        return Decoded(file, pixels, str(header["sha256"]), notes)

    def stop(self) -> None:
        """Take no more jobs and end the one under way, from any thread."""
        self._stopped = True
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child_end(child)


def _start() -> subprocess.Popen[bytes]:
    environment = {"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    environment["OPENBLAS_NUM_THREADS"] = "1"
    for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH"):  # what an interpreter may need to start, and no more
        if name in os.environ:
            environment[name] = os.environ[name]
    return subprocess.Popen(
        [sys.executable, "-m", "evaluation.metrics.features.decode_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,  # Ctrl-C in a terminal is for the parent, which ends the child itself
    )


def _exchange(child: subprocess.Popen[bytes], job: dict[str, object]) -> tuple[dict[str, object], bytes]:
    if child.stdin is None or child.stdout is None:
        raise EOFError
    child.stdin.write(json.dumps(job).encode() + b"\n")
    child.stdin.flush()
    header = json.loads(child.stdout.readline() or b"!")
    size = int(header["bytes"])
    payload = child.stdout.read(size)
    if len(payload) < size:
        raise EOFError
    return header, payload


def _is_image(path: Path) -> bool:
    if path.suffix.lower() in EXTENSIONS:
        return True
    if path.suffix.lower() in (".json", ".jsonl", ".txt", ".csv", ".md", ".parquet", ".npz", ".html"):
        return False  # a run's own files; no need to open them
    try:
        if not path.is_file():  # a pipe would hang the reader
            return False
        with path.open("rb") as file:
            kind = sniff(file.read(1024))
    except OSError:
        return False
    return kind not in ("", "ZIP", "PDF", "PostScript", "web page", "video")


def _below(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []
