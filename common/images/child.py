"""One decoding child: jobs go in, their answers come out in the same order.

A caller may send the next job before it has the last one's answer: the child then finds it there, and neither waits for
the other. Neither side can block the other either, since this side reads and writes only what the pipes take or have.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import stat
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from common.images.decode import CheckedImage, ImageLimits, ImageProblem, Problem
from common.places import CHECKOUT

START_SECONDS = 30.0
"""What a child may take to start, beside its first job."""

_CHUNK = 1 << 20
_PIPE_BYTES = 1 << 20
"""Asked of the system for the pipe that jobs go through: most images then fit in, and are written at once."""

Answer = tuple[dict[str, object], bytes]
Want = Literal["image", "pixels"]


class Child:
    """A started decoding child. `close` ends it.

    `count_waiting`: jobs that it has not answered.
    """

    def __init__(self, limits: ImageLimits) -> None:
        self._limits = json.dumps(asdict(limits)).encode()
        self._process = _started()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        self._into, self._out_of = stdin.fileno(), stdout.fileno()
        self._unsent: deque[memoryview] = deque()
        self._received = bytearray()
        self.count_waiting = 0

    def ask(self, name: str, data: bytes, want: Want = "image") -> None:
        """Give it a job, as much of it as its pipe takes now; `wait` sends the rest."""
        job = json.dumps({"name": name, "bytes": len(data), "want": want}).encode()
        self._unsent.append(memoryview(b'%b, "limits": %b}\n%b' % (job[:-1], self._limits, data)))
        self.count_waiting += 1
        with contextlib.suppress(BrokenPipeError):  # the answer that does not come tells of it
            self._send()

    def answer(self, deadline: float) -> Answer:
        """The answer to the oldest job, before `deadline` (`time.monotonic`).

        Raises:
            TimeoutError: the deadline passed. EOFError, OSError, ValueError: the child died or spoke nonsense.
        """
        while (answer := self.next_answer()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not wait([self], left):
                raise TimeoutError
            self.move()
        return answer

    def move(self) -> None:
        """Send and receive what can be without waiting.

        Raises:
            EOFError, OSError: the child died.
        """
        if self._unsent:
            self._send()
        try:
            while part := os.read(self._out_of, _CHUNK):
                self._received += part
                if len(part) < _CHUNK:
                    return
        except BlockingIOError:
            return
        raise EOFError

    def next_answer(self) -> Answer | None:
        """The answer to the oldest job, where all of it has come.

        Raises:
            ValueError: it is nonsense.
        """
        end = self._received.find(b"\n")
        if end < 0:
            return None
        header = json.loads(self._received[:end])
        stop = end + 1 + int(header["bytes"])
        if len(self._received) < stop:
            return None
        payload = bytes(self._received[end + 1 : stop])
        del self._received[:stop]
        self.count_waiting -= 1
        return header, payload

    def close(self) -> None:
        """Kill it."""
        child_end(self._process)

    def watch(self, poll: select.poll) -> list[int]:
        """Have `poll` tell when something can be sent or has come; the numbers of what is watched."""
        poll.register(self._out_of, select.POLLIN)
        if not self._unsent:
            return [self._out_of]
        poll.register(self._into, select.POLLOUT)
        return [self._out_of, self._into]

    def _send(self) -> None:
        while self._unsent:
            first = self._unsent[0]
            try:
                n_sent = os.write(self._into, first[:_CHUNK])
            except BlockingIOError:
                return
            if n_sent == len(first):
                self._unsent.popleft()
            else:
                self._unsent[0] = first[n_sent:]


def wait(children: Iterable[Child], seconds: float) -> list[Child]:
    """Those children to or from which something can move, as soon as there is one; none after `seconds`."""
    poll = select.poll()
    watched = {number: child for child in children for number in child.watch(poll)}
    ready = {id(watched[number]): watched[number] for number, _ in poll.poll(max(0.0, seconds) * 1000)}
    return list(ready.values())


def checked_of(answer: Answer, data: bytes) -> CheckedImage | ImageProblem:
    """What a child's answer says of the file `data`."""
    header, payload = answer
    if not header["ok"]:
        return ImageProblem(Problem(str(header["problem"])), str(header["message"]))
    notes = header["notes"]
    return CheckedImage(
        data=data if header.get("same") else payload,
        width=int(str(header["width"])),
        height=int(str(header["height"])),
        sha256=str(header["sha256"]),
        original_format=str(header["original_format"]),
        original_sha256=str(header["original_sha256"]),
        notes=tuple(str(note) for note in notes) if isinstance(notes, list) else (),
        image_format=str(header["image_format"]),
    )


def took_too_long(limits: ImageLimits) -> ImageProblem:
    """A file that was not decoded in its time."""
    return ImageProblem(Problem.TIMEOUT, f"decoding it takes longer than {limits.seconds:g} seconds")


def died_of_it() -> ImageProblem:
    """A file that killed the child."""
    return ImageProblem(Problem.CRASH, "the decoder died of it: the file is damaged, or made to do harm")


def read_file(path: Path, max_bytes: int) -> bytes | ImageProblem:
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


def child_end(child: subprocess.Popen[bytes]) -> None:
    """Kill a decoding process and let go of its pipes."""
    child.kill()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    child.wait()


def _started() -> subprocess.Popen[bytes]:
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
    if child.stdin is not None:
        _widen(child.stdin.fileno())
    return child


def _widen(pipe: int) -> None:
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, AttributeError, OSError):  # another system, or the user has too many wide pipes: it is slower
        return
