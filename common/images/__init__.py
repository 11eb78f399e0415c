"""Images from strangers: each file decoded and checked in a limited process of its own kind, before anything is kept.

    for name, outcome in check_images([("00012/3.png", path), ("a.jpg", data)], workers=2):
        if isinstance(outcome, ImageProblem):
            ...  # outcome.problem, outcome.message
        else:
            ...  # outcome.data, .image_format, .sha256, .width, .height, .original_format, .original_sha256, .notes

A file that crashes the decoder, takes too long or too much memory becomes an `ImageProblem` like any other; the child
that it killed is replaced. The child gets no environment (no secrets), writes no files, and ends with its parent.
What "checked" means is in `common.images.decode`, whose names are offered here too.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import selectors
import stat
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from common.images.decode import (
    ALL_EXTENSIONS,
    DEFAULT_LIMITS,
    EXTENSIONS,
    FORMATS_IN_WORDS,
    CheckedImage,
    ImageError,
    ImageLimits,
    ImageProblem,
    Problem,
    admit_image,
    decode_image,
    encode_png,
    extension_problem,
)
from common.places import CHECKOUT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "ALL_EXTENSIONS",
    "DEFAULT_LIMITS",
    "EXTENSIONS",
    "FORMATS_IN_WORDS",
    "CheckedImage",
    "DecodeProcess",
    "ImageError",
    "ImageLimits",
    "ImageProblem",
    "Problem",
    "admit_image",
    "check_images",
    "child_end",
    "decode_image",
    "encode_png",
    "extension_problem",
]

_START_SECONDS = 30.0
_CHUNK = 1 << 20


def check_images(
    items: Iterable[tuple[str, bytes | Path]],
    *,
    limits: ImageLimits = DEFAULT_LIMITS,
    workers: int = 1,
    by_content: bool = False,
) -> Iterator[tuple[str, CheckedImage | ImageProblem]]:
    """Each item's name with its checked image or its problem, in the order of `items`.

    `items`: (name, bytes or path); the name's extension must tell the truth, unless `by_content`; a path must be a
    regular file, no link. Items are taken as they are needed, a few ahead, so an iterator over a large archive is fine.
    `workers`: decoding processes; each takes up to `limits.memory_bytes`.
    """
    idle: queue.SimpleQueue[DecodeProcess] = queue.SimpleQueue()
    processes = [DecodeProcess(limits) for _ in range(max(1, workers))]
    for process in processes:
        idle.put(process)

    def check(name: str, source: bytes | Path) -> tuple[str, CheckedImage | ImageProblem]:
        process = idle.get()
        try:
            return name, process.check("" if by_content else name, source)
        finally:
            idle.put(process)

    waiting: deque[Future[tuple[str, CheckedImage | ImageProblem]]] = deque()
    pool = ThreadPoolExecutor(len(processes), thread_name_prefix="check-images")
    try:
        for name, source in items:
            waiting.append(pool.submit(check, name, source))
            while len(waiting) > len(processes):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for process in processes:
            process.close()


def child_end(child: subprocess.Popen[bytes]) -> None:
    """Kill a decoding process and let go of its pipes."""
    child.kill()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    child.wait()


class DecodeProcess:
    """A decoding child that is started when needed, replaced when a file kills it, and ended by `close`.

    One caller at a time; `check_images` runs several side by side.
    """

    def __init__(self, limits: ImageLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> DecodeProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check(self, name: str, source: bytes | Path) -> CheckedImage | ImageProblem:
        """The checked image (`decode.admit_image`), or what is wrong with the file."""
        data = source if isinstance(source, bytes) else _read_file(source, self.limits.max_bytes)
        answer = data if isinstance(data, ImageProblem) else self._ask(name, data, "image")
        if isinstance(answer, ImageProblem):
            return answer
        header, payload = answer
        return CheckedImage(
            data=data if header.get("same") and isinstance(data, bytes) else payload,
            width=int(str(header["width"])),
            height=int(str(header["height"])),
            sha256=str(header["sha256"]),
            original_format=str(header["original_format"]),
            original_sha256=str(header["original_sha256"]),
            notes=tuple(str(note) for note in _as_list(header["notes"])),
            image_format=str(header["image_format"]),
        )

    def pixels(self, name: str, source: bytes | Path) -> NDArray[np.uint8] | ImageProblem:
        """The image's pixels, uint8 RGB (height, width, 3), or what is wrong with the file."""
        import numpy as np

        answer = self._ask(name, source, "pixels")
        if isinstance(answer, ImageProblem):
            return answer
        header, payload = answer
        shape = (int(str(header["height"])), int(str(header["width"])), 3)
        return np.frombuffer(payload, dtype=np.uint8).reshape(shape)

    def close(self) -> None:
        """End the child. Harmless when there is none."""
        child, self._child = self._child, None
        if child is not None:
            child_end(child)

    def _ask(
        self, name: str, source: bytes | Path, want: Literal["image", "pixels"]
    ) -> tuple[dict[str, object], bytes] | ImageProblem:
        data = source if isinstance(source, bytes) else _read_file(source, self.limits.max_bytes)
        if isinstance(data, ImageProblem):
            return data
        job = {"name": name, "bytes": len(data), "want": want, "limits": asdict(self.limits)}
        request = json.dumps(job).encode() + b"\n" + data
        fresh = self._child is None
        child = self._child = self._child or _start()
        allowed = self.limits.seconds + (_START_SECONDS if fresh else 0.0)
        try:
            header, payload = _exchange(child, request, time.monotonic() + allowed)
        except TimeoutError:
            self.close()
            return ImageProblem(Problem.TIMEOUT, f"decoding it takes longer than {self.limits.seconds:g} seconds")
        except (EOFError, OSError, ValueError):
            self.close()
            return ImageProblem(Problem.CRASH, "the decoder died of it: the file is damaged, or made to do harm")
        except BaseException:  # Ctrl-C between question and answer: the next answer would be this one's
            self.close()
            raise
        if header["ok"]:
            return header, payload
        return ImageProblem(Problem(str(header["problem"])), str(header["message"]))


def _start() -> subprocess.Popen[bytes]:
    environment = {"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH"):  # what an interpreter may need to start, and no more
        if name in os.environ:
            environment[name] = os.environ[name]
    child = subprocess.Popen(
        [sys.executable, "-m", "common.images.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        bufsize=0,
        start_new_session=True,  # Ctrl-C in a terminal is for the parent, which ends the child itself
    )
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            os.set_blocking(stream.fileno(), False)
    return child


def _exchange(child: subprocess.Popen[bytes], request: bytes, deadline: float) -> tuple[dict[str, object], bytes]:
    """Write a job and read its answer, both before `deadline` (`time.monotonic`).

    Raises:
        TimeoutError: the deadline passed. EOFError, OSError, ValueError: the child died or spoke nonsense.
    """
    if child.stdin is None or child.stdout is None:
        raise EOFError
    unsent, received = memoryview(request), bytearray()
    header: dict[str, object] | None = None
    body_start = 0
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdin, selectors.EVENT_WRITE)
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                raise TimeoutError
            for key, events in ready:
                if events & selectors.EVENT_WRITE:
                    unsent = unsent[os.write(child.stdin.fileno(), unsent[:_CHUNK]) :]
                    if not unsent:
                        selector.unregister(child.stdin)
                elif part := os.read(key.fd, _CHUNK):
                    received += part
                else:
                    raise EOFError
            if header is None and (end := received.find(b"\n")) >= 0:
                body_start = end + 1
                header = json.loads(received[:end])
            if header is not None and len(received) - body_start >= int(str(header["bytes"])):
                return header, bytes(received[body_start:])


def _read_file(path: Path, max_bytes: int) -> bytes | ImageProblem:
    """A regular file's bytes, one more than is taken at most: the decoder then says that it is too large."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return ImageProblem(Problem.UNREADABLE, "this is not a regular file")
            if status.st_size > max_bytes:
                size = f"the file has {status.st_size / 2**20:.1f} MiB"
                return ImageProblem(Problem.TOO_LARGE, f"{size}; at most {max_bytes / 2**20:g} MiB are allowed")
            return file.read(max_bytes + 1)
    except OSError as error:
        why = "it is a link" if path.is_symlink() else (error.strerror or str(error)).lower()
        return ImageProblem(Problem.UNREADABLE, f"the file can't be read: {why}")


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
