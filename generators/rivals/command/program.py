"""A declared program as a running process: lines of JSON to it and from it, each within its time.

What it writes to standard error is kept for messages, the last of it. A program that is late, ends or writes what is no
answer is killed with all that it started.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.json_in import Json, JsonError, read_json
from common.strict import FROM_CODE
from common.text import cleaned
from common.words import nearest
from generators.contract import GeneratorError
from generators.rivals.declared import checked_build, faults, names, read, undeclared

SCHEMA = "drawbench-program/1"

MAX_LINE = 1_000_000
"""Bytes of a line of a program; an image goes by its file."""

DEVICES: Mapping[str, tuple[str, ...]] = {"gpu": ("cpu", "cuda"), "cpu": ("cpu",), "network": ("network",)}
"""What a program says that it draws with -> the kinds of device that its runs are queued for: with a GPU where there is
one, with processors alone, or with other machines, for which it waits."""

_MOST_LINES = 1_000
"""Lines that may wait to be heard: a program that writes on and on is not read any further."""

_KEPT_STDERR = 4_000
_TOLD_STDERR = 300
_HANDED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Program:
    """A program as the operator declared it.

    `command`: its parts; `folder`: where it starts, relative to the declaration. `environment`: variables that it gets
    beside the usual ones, `hands_on`: those of this process that it gets too (no other, so no key of ours). `settings`:
    name -> default of what researchers may set. `files`: what its images depend on, for the fingerprint. `version`: of
    what it draws with. `seeded`, `tolerance`: as `GeneratorInfo`. `start_s`, `image_s`: seconds until it is ready, and
    that an image may take. `batch`: requests that it likes at once. `device`: what it draws with, one of `DEVICES`.
    """

    schema: str
    name: str
    summary: str
    command: tuple[str, ...]
    version: str
    folder: str = "."
    environment: dict[str, str] = field(default_factory=dict)
    hands_on: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    seeded: bool = True
    tolerance: float = 0.0
    start_s: float = 300.0
    image_s: float = 120.0
    batch: int = 4
    device: str = "gpu"
    base: str = field(default="", metadata=FROM_CODE)
    sha256: str = field(default="", metadata=FROM_CODE)


def read_program(name: str) -> Program:
    """The program called `name`.

    Raises:
        GeneratorError: there is none, or its declaration is wrong; the message says where.
    """
    path, given, sha256 = read("programs", name)
    if given.get("schema") != SCHEMA:
        raise GeneratorError(f'{path}: the field schema must be "{SCHEMA}", not {given.get("schema")!r}')
    program = checked_build(Program, {**given, "base": str(path.parent), "sha256": sha256}, str(path))
    if not program.command:
        raise GeneratorError(f"{path}: command is empty; it is a list of the program and its arguments")
    for what in ("start_s", "image_s", "batch"):
        if getattr(program, what) <= 0:
            raise GeneratorError(f"{path}: {what} must be above 0")
    if program.device not in DEVICES:
        raise GeneratorError(
            f"{path}: unknown device {program.device!r}{nearest(program.device, DEVICES) or '.'} "
            f"It is one of {', '.join(DEVICES)}."
        )
    if any(not isinstance(value, str | int | float | bool) for value in program.settings.values()):
        raise GeneratorError(f"{path}: the defaults of settings are texts, numbers, true or false")
    return program


def program_devices(parameters: Mapping[str, object]) -> tuple[str, ...]:
    """The kinds of device that the program named by a run's parameters needs (`GeneratorSpec.devices_by`).

    Raises:
        GeneratorError: there is no such program, or its declaration is wrong.
    """
    return DEVICES[read_program(str(parameters.get("program", ""))).device]


def programs_missing() -> list[str]:
    """What is wrong with the declared programs, or that there are none (`GeneratorSpec.missing`)."""
    known = names("programs")
    return faults(read_program, known) if known else [undeclared("programs")]


class ProgramError(Exception):
    """The program can't be spoken to any more; the message is for people. `late`: it took too long."""

    def __init__(self, message: str, *, late: bool = False) -> None:
        super().__init__(message)
        self.late = late


class Running:
    """A process of a program, just started."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._lines: queue.Queue[bytes | None] = queue.Queue(_MOST_LINES)
        self._to_say: queue.Queue[bytes | None] = queue.Queue()
        self._stderr = bytearray()
        environment = {name: os.environ[name] for name in (*_HANDED_ON, *program.hands_on) if name in os.environ}
        try:
            self._process = subprocess.Popen(
                [os.path.expanduser(part) for part in program.command],
                cwd=Path(program.base, program.folder),
                env={**environment, "PYTHONUNBUFFERED": "1", **program.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise ProgramError(f"the program {program.name} can't be started ({program.command[0]}: {why})") from None
        self._readers = [
            threading.Thread(target=self._read_lines, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
            threading.Thread(target=self._write_lines, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def say(self, line: Mapping[str, object]) -> None:
        """One line to the program, whenever it reads it; who listens for the answer learns whether it has ended."""
        self._to_say.put(json.dumps(line).encode() + b"\n")

    def hear(self, seconds: float) -> dict[str, Json]:
        """The program's next line.

        Raises:
            ProgramError: none within `seconds`, one that is no JSON object, or it has ended.
        """
        try:
            line = self._lines.get(timeout=max(0.0, seconds))
        except queue.Empty:
            raise ProgramError(
                f"the program {self._program.name} gave no answer within {seconds:g} s{self._last_words()}", late=True
            ) from None
        if line is None:
            raise self.ended()
        answer: Json = None
        why = f" (a line of more than {MAX_LINE:,} bytes)" if len(line) > MAX_LINE else ""
        if not why:
            try:
                answer = read_json(line, characters=False)
            except JsonError as error:
                why = f" ({error})"
        if not isinstance(answer, dict):
            text = cleaned(line[:200].decode("utf-8", "replace").strip(), 80)
            raise ProgramError(
                f'the program {self._program.name} wrote "{text}" to its standard output, where only answers in JSON '
                f"belong{why}"
            )
        return answer

    def ended(self) -> ProgramError:
        """What to tell of a program that is no longer there."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._readers[1].join(timeout=1)
        code = self._process.poll()
        how = "closed its output" if code is None else f"ended with code {code}" if code >= 0 else _signal_name(code)
        return ProgramError(f"the program {self._program.name} {how}{self._last_words()}")

    def stop(self, *, patience_s: float = 0.0) -> None:
        """End it and all that it started. `patience_s`: for it to end by itself when its input does. Harmless twice."""
        self._to_say.put(None)
        if patience_s:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=patience_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(queue.Empty):
            while True:  # whoever waits for room in it goes on, and ends
                self._lines.get_nowait()
        for reader in self._readers:
            reader.join(timeout=1)
        for output in (self._process.stdout, self._process.stderr):
            if output is not None:
                output.close()

    def _write_lines(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError, ValueError):
            while (line := self._to_say.get()) is not None:
                stdin.write(line)
                stdin.flush()
        with contextlib.suppress(OSError, ValueError):
            stdin.close()

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while line := self._process.stdout.readline(MAX_LINE + 1):
                if line.strip():
                    self._lines.put(line)
        self._lines.put(None)

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            while piece := os.read(self._process.stderr.fileno(), 4096):
                self._stderr += piece
                del self._stderr[:-_KEPT_STDERR]

    def _last_words(self) -> str:
        time.sleep(0.05)  # what it wrote last may still be on its way
        lines = bytes(self._stderr).decode("utf-8", "replace").strip().splitlines()
        text = cleaned(" ".join(" ".join(lines[-3:]).split())[-_TOLD_STDERR:], _TOLD_STDERR)
        return f"; it said last: {text}" if text else ""


def _signal_name(code: int) -> str:
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
