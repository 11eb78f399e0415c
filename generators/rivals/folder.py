"""The folder generator: images that are already there, served as if drawn. For rivals that can't be run here.

Which file answers which request is `generators.filenames.layout`'s to say; files are decoded in a limited process.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import cast, get_args

from common.hashes import bytes_sha256
from common.images import DecodeProcess, ImageProblem, Problem
from common.words import prompt_name
from generators.contract import (
    Failure,
    FailureKind,
    Generator,
    GeneratorError,
    GeneratorInfo,
    GeneratorSpec,
    ImageRequest,
    ImageResult,
    Parameter,
    ParameterValue,
)
from generators.filenames.captions import ITSELF, Beside, Caption, CaptionChoice, caption_choice, read_beside
from generators.filenames.embedded import embedded_prompt
from generators.filenames.layout import (
    Layout,
    Matches,
    Numbering,
    Order,
    PromptRef,
    Reading,
    Said,
    SampleNumbering,
    match_files,
)
from generators.filenames.names import take_apart, why_ignored
from generators.filenames.texts import compact
from generators.prompt_file import read_prompts

VERSION = "1"

SPEC = GeneratorSpec(
    name="folder",
    summary="Existing images: uses the files of a folder as samples, unchanged.",
    factory="generators.rivals.folder:load_folder",
    parameters=(
        Parameter(
            "path",
            "folder of images: <prompt>/<sample>.png, <prompt>_<sample>.png, or with a manifest.csv",
            kind=str,
            operator_only=True,
        ),
        Parameter(
            "prompts",
            "file of the prompts, to match file names that contain texts; if empty: by number",
            "",
            operator_only=True,
        ),
        Parameter("layout", "how file names are built", "auto", choices=get_args(Layout)),
        Parameter("numbering", "number of the first prompt", "auto", choices=get_args(Numbering)),
        Parameter("sample_numbering", "number of the first sample", "auto", choices=get_args(SampleNumbering)),
        Parameter(
            "order",
            "whose numbers the files have: the suite's or those of a list beside them",
            "auto",
            choices=get_args(Order),
        ),
        Parameter("captions", "captions of which none is a prompt", "auto", choices=get_args(CaptionChoice)),
    ),
    sizes=(),
    devices=("cpu",),
)


class FolderGenerator:
    """Serves files. A request is answered by its prompt id and sample; run seeds change nothing.

    `texts`: prompt id -> the text its images were made for, where that is known: a request with another is refused.
    """

    batch_size = 8

    def __init__(self, root: Path, matches: Matches, texts: Mapping[str, str], fingerprint: str) -> None:
        self._root = root
        self._files = {(row.prompt_id, row.sample): row.name for row in matches.matched}
        self._texts = texts
        self._decoder = DecodeProcess()
        self.matches = matches
        self.info = GeneratorInfo(
            name=SPEC.name,
            version=VERSION,
            weights_fingerprint=fingerprint,
            provenance={"files": len(self._files), "read_as": "; ".join(matches.notes), "device": "cpu"},
            seeded=False,
        )

    def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        """One result for each request: the file's image at its own size, or why there is none."""
        for request in requests:
            started = time.perf_counter()
            name = self._files.get((request.prompt_id, request.sample))
            if (failure := self._mismatch(request)) is not None:
                yield ImageResult(request.key, failure=failure)
            elif name is None:
                message = f"the folder has no image for prompt {request.prompt_id}, sample {request.sample}"
                yield ImageResult(request.key, failure=Failure(FailureKind.INVALID, message))
            else:
                pixels = self._decoder.pixels(name, self._root / name)
                if isinstance(pixels, ImageProblem):
                    kind = FailureKind.TIMEOUT if pixels.problem is Problem.TIMEOUT else FailureKind.INVALID
                    yield ImageResult(request.key, failure=Failure(kind, f"{name}: {pixels.message}"))
                else:
                    seconds = time.perf_counter() - started
                    yield ImageResult(request.key, pixels, seconds=seconds, provenance={"file": name})

    def _mismatch(self, request: ImageRequest) -> Failure | None:
        text = self._texts.get(request.prompt_id)
        if text is None or compact(text) == compact(request.prompt):
            return None
        message = f'the folder\'s prompt {request.prompt_id} is "{text}", and "{request.prompt}" was asked for'
        return Failure(FailureKind.INVALID, message)

    def close(self) -> None:
        """End the decoding process."""
        self._decoder.close()


def load_folder(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> Generator:
    """The folder named by `path`, its files matched. `size` and `device` say nothing here: files are as they are.

    Raises:
        GeneratorError: no such folder, no image in it, or names that can be read in two ways; the message says which
            parameter settles it.
    """
    root = Path(str(parameters["path"])).expanduser()
    if not root.is_dir():
        raise GeneratorError(f"there is no folder {root}")
    names = _list_files(root)
    beside = read_beside(names, lambda name: (root / name).read_bytes())
    images = [name for name in names if not why_ignored(name)]
    if not images:
        raise GeneratorError(f"the folder {root} holds no image")
    prompts, texts = _prompts(str(parameters["prompts"]), images, beside)
    written = {name: embedded_prompt((root / name).read_bytes()) for name in images}
    own = {name: Caption(prompt, ITSELF) for name, prompt in written.items() if prompt}
    choice = cast(CaptionChoice, parameters["captions"])
    matches = match_files(
        names,
        prompts,
        Said(beside.entries, caption_choice({**own, **beside.captions}, choice), beside.orders),
        Reading(
            cast(Layout, parameters["layout"]),
            cast(Numbering, parameters["numbering"]),
            cast(SampleNumbering, parameters["sample_numbering"]),
            cast(Order, parameters["order"]),
        ),
    )
    for question in matches.questions:
        raise GeneratorError(f"{root}: {question.text} Say {question.option}={' or '.join(question.choices)}")
    if not matches.matched:
        row = matches.problems[0]
        hint = "" if parameters["prompts"] else " Names that hold prompts' texts need the parameter prompts"
        raise GeneratorError(f"{root}: no file could be matched to a prompt; {row.name}: {row.problem}.{hint}")
    used = sorted(row.name for row in matches.matched)
    return FolderGenerator(root, matches, texts, _fingerprint(root, used))


def _list_files(root: Path) -> list[str]:
    """Files below `root`, relative, with forward slashes; links are not followed."""
    found = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        found += [Path(folder, file).relative_to(root).as_posix() for file in sorted(files)]
    return found


def _prompts(prompts_file: str, images: Sequence[str], beside: Beside) -> tuple[list[PromptRef], dict[str, str]]:
    """The prompts to match against, and the texts that are known of them.

    Without a file of prompts the numbers in the names stand for themselves: as many prompts as the highest needs.
    """
    if prompts_file:
        texts = {prompt_name(index): text for index, text in enumerate(read_prompts(Path(prompts_file)))}
        return [PromptRef(prompt_id, text) for prompt_id, text in texts.items()], texts
    if beside.entries is not None:
        texts = {
            prompt_name(entry.number): entry.text
            for entry in beside.entries
            if entry.certain and entry.number is not None
        }
        numbers = [entry.number for entry in beside.entries if entry.number is not None]
    else:
        texts = {}
        pieces = [piece for name in images for piece in (*take_apart(name).folders, take_apart(name).stem)]
        numbers = [number for piece in pieces if (number := _leading_number(piece)) is not None]
    known = set(numbers) | {number - 1 for number in numbers if number}
    return [PromptRef(prompt_name(number), "") for number in sorted(known)], texts


def _leading_number(piece: str) -> int | None:
    digits = "".join(letter if letter.isdecimal() else " " for letter in piece).split()
    return int(digits[0]) if digits and len(digits[0]) <= 9 else None


def _fingerprint(root: Path, names: Sequence[str]) -> str:
    """SHA-256 over the names and contents of the files that are served."""
    seen = []
    for name in names:
        status = (root / name).lstat()
        seen.append((name, status.st_size, status.st_mtime_ns))
    return _hash_files(str(root.resolve()), tuple(seen))


@lru_cache(maxsize=4)
def _hash_files(root: str, files: tuple[tuple[str, int, int], ...]) -> str:
    """As `_fingerprint`; sizes and times make the key, so that a worker reads an unchanged folder once."""
    digest = hashlib.sha256()
    for name, _, _ in files:
        path = Path(root, name)
        content = b"" if path.is_symlink() else path.read_bytes()
        digest.update(f"{name}\0{bytes_sha256(content)}\n".encode())
    return digest.hexdigest()
