"""The generator `command`: a program that is started, told what to draw, and started anew when it fails."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from common.hashes import canonical_json, file_sha256
from common.images import DecodeProcess, ImageProblem, Problem
from common.json_in import Json, JsonError, read_json
from common.numbers import number_or_none
from common.parameters import ParameterValue
from common.text import cleaned
from common.words import nearest
from generators.contract import (
    Failure,
    FailureKind,
    Generator,
    GeneratorError,
    GeneratorInfo,
    ImageRequest,
    ImageResult,
    StopError,
)
from generators.rivals.command.program import SCHEMA, Program, ProgramError, Running, read_program
from generators.rivals.sizes import other_size
from generators.seeding import request_seed
from generators.sizes import check_sides

_NAME, _TOLD = 80, 2_000
"""Characters of a name and of a text in a program's provenance."""

STOP_S = 5.0
"""Seconds that a program gets to end by itself when nothing more is asked of it."""


class ProgramGenerator:
    """Images of a program. It runs as long as the generator is loaded."""

    def __init__(self, program: Program, settings: Mapping[str, ParameterValue], width: int, height: int) -> None:
        self._program, self._settings = program, settings
        self._width, self._height = width, height
        self.batch_size = program.batch
        self._folder = tempfile.TemporaryDirectory(prefix="drawbench-command-")
        self._decoder = DecodeProcess()
        self._running: Running | None = None
        self._asked_so_far = 0
        try:
            ready = self._start()
        except ProgramError as error:
            self.close()
            raise GeneratorError(str(error)) from None
        said = ready.get("provenance")
        self.info = GeneratorInfo(
            name="command",
            version=f"{program.name} {program.version}",
            weights_fingerprint=_fingerprint(program),
            tolerance=program.tolerance,
            seeded=program.seeded,
            provenance={"program": program.name, "device": "its own", **_scalars(said)},
        )

    def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        """One result for each request, as the program answers.

        Raises:
            StopError: the program had failed, and does not start again.
        """
        # each file has a name of its own: what an earlier request left must not be taken for the image of a later one
        waiting = {str(self._asked_so_far + number): request for number, request in enumerate(requests)}
        self._asked_so_far += len(waiting)
        if not waiting:
            return
        try:
            running = self._running or self._restarted()
            for number, request in waiting.items():
                running.say(self._asked(number, request))
            began = time.perf_counter()
            while waiting:
                answer = running.hear(self._program.image_s)
                key = str(answer.get("key"))
                request_answered = waiting.pop(key, None)
                if request_answered is None:
                    raise ProgramError(f"the program {self._program.name} answered a key that it was not asked")
                seconds, began = time.perf_counter() - began, time.perf_counter()
                result = self._result(self._file(key), request_answered, answer, seconds)
                _remove(self._file(key))
                yield result
        except ProgramError as error:
            self._stop()
            kind = FailureKind.TIMEOUT if error.late else FailureKind.CRASH
            for request in waiting.values():
                yield ImageResult(request.key, failure=Failure(kind, str(error)))
        except GeneratorExit:
            self._stop()  # it would answer to the next who asks
            raise

    def close(self) -> None:
        """End the program and the decoding process, and remove its files. Harmless twice."""
        self._stop(patience_s=STOP_S)
        self._decoder.close()
        self._folder.cleanup()

    def _asked(self, number: str, request: ImageRequest) -> dict[str, object]:
        return {
            "key": number,
            "prompt": request.prompt,
            "prompt_id": request.prompt_id,
            "sample": request.sample,
            "seed": request_seed(request, "base"),
            "width": self._width or None,
            "height": self._height or None,
            "file": str(self._file(number)),
        }

    def _file(self, key: str) -> Path:
        """Where the image of a request belongs."""
        return Path(self._folder.name, f"{key}.png")

    def _result(self, named: Path, request: ImageRequest, answer: Mapping[str, Json], seconds: float) -> ImageResult:
        """What it answered. `named`: the file that it was given for the image."""
        name = self._program.name
        provenance = {"seed": request_seed(request, "base"), **_scalars(answer.get("provenance"))}
        if "failure" in answer:
            said = answer["failure"]
            kind = FailureKind(said) if said in [str(each) for each in FailureKind] else FailureKind.CRASH
            message = cleaned(" ".join(str(answer.get("message") or said).split()), 300)
            wanted = number_or_none(answer.get("retry_after_s"))
            after = None if wanted is None else max(0.0, float(wanted))
            return ImageResult(request.key, failure=Failure(kind, message, retry_after_s=after), provenance=provenance)
        if not answer.get("file"):
            message = f"the program {name} made no whole image: its answer names neither a file nor a failure"
            return ImageResult(request.key, failure=Failure(FailureKind.INVALID, message))
        file = Path(self._folder.name, str(answer["file"]))
        if file.parent.resolve() != Path(self._folder.name).resolve():
            message = f"the program {name} answered with a file outside of the folder that it was given"
            return ImageResult(request.key, failure=Failure(FailureKind.INVALID, message))
        if file != named:
            message = f"the program {name} answered with another file than the one that it was given for this image"
            return ImageResult(request.key, failure=Failure(FailureKind.INVALID, message))
        pixels = self._decoder.pixels("", file)
        if isinstance(pixels, ImageProblem):
            kind = FailureKind.CRASH if pixels.problem is Problem.TRUNCATED else FailureKind.INVALID
            message = f"the program {name} made no whole image: {pixels.message}"
            return ImageResult(request.key, failure=Failure(kind, message))
        if (failure := other_size(pixels, self._width, self._height, f"the program {name}")) is not None:
            return ImageResult(request.key, failure=failure)
        return ImageResult(request.key, pixels, seconds=seconds, provenance=provenance)

    def _start(self) -> dict[str, Json]:
        """Start it, say what all requests share, and hear that it is ready."""
        self._running = Running(self._program)
        try:
            self._running.say({"schema": SCHEMA, "settings": dict(self._settings)})
            ready = self._running.hear(self._program.start_s)
            if ready.get("ready") is not True:
                raise ProgramError(f'the program {self._program.name} did not say {{"ready": true}} first')
        except ProgramError:
            self._stop()
            raise
        return ready

    def _restarted(self) -> Running:
        try:
            self._start()
        except ProgramError as error:
            raise StopError(f"{error}. Mend it, and resume the run.") from None
        assert self._running is not None
        return self._running

    def _stop(self, *, patience_s: float = 0.0) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.stop(patience_s=patience_s)
            for left in Path(self._folder.name).iterdir():
                _remove(left)


def load_program(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> Generator:
    """The program that the parameters name, started. `size`, `device`: say nothing here; a program has its own.

    Raises:
        GeneratorError: no such program, a setting that it does not declare, or it does not start.
    """
    program = read_program(str(parameters["program"]))
    width, height = int(parameters["width"]), int(parameters["height"])
    check_sides(width, height)
    return ProgramGenerator(program, _settings(program, str(parameters["settings"])), width, height)


def _settings(program: Program, text: str) -> dict[str, ParameterValue]:
    """What was set, with the defaults of the rest.

    Raises:
        GeneratorError: no JSON object, a name that is not declared, or a value of another kind.
    """
    given: Json = {}
    if text:
        try:
            given = read_json(text)
        except JsonError as error:
            raise GeneratorError(f"parameter settings: {error}") from None
    if not isinstance(given, dict):
        raise GeneratorError('parameter settings is a JSON object: {"steps": 20}')
    values: dict[str, ParameterValue] = dict(program.settings)
    for name, value in given.items():
        if name not in values:
            hint = nearest(name, values) or "."
            there = ", ".join(values) or "none"
            raise GeneratorError(f"the program {program.name} has no setting {name!r}{hint} Its settings: {there}.")
        default = values[name]
        whole_for_float = isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool)
        if type(value) is not type(default) and not whole_for_float:
            raise GeneratorError(f"the setting {name} of the program {program.name} is of the kind of {default!r}")
        assert isinstance(value, str | int | float | bool)
        values[name] = value
    return values


def _fingerprint(program: Program) -> str:
    """SHA-256 over what the declaration says of the drawing, and over its files.

    Raises:
        GeneratorError: a file is not there.
    """
    told = [program.command, program.version, program.environment, program.settings]
    digest = hashlib.sha256(canonical_json(told).encode())
    for name in program.files:
        path = Path(program.base, program.folder, name)
        try:
            digest.update(f"{name}\0{file_sha256(path)}\n".encode())
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise GeneratorError(f"the program {program.name}: its file {path} can't be read: {why}") from None
    return digest.hexdigest()


def _scalars(said: object) -> dict[str, ParameterValue]:
    """What of a program's provenance can be kept: names with a text, a number, true or false."""
    if not isinstance(said, dict):
        return {}
    kept: dict[str, ParameterValue] = {}
    for name, value in said.items():
        if isinstance(value, str | int | float | bool):
            kept[cleaned(str(name), _NAME)] = cleaned(value, _TOLD) if isinstance(value, str) else value
    return kept


def _remove(path: Path) -> None:
    """Remove what a program wrote, whatever it is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
