"""What an operator declares for the rivals: services, programs and pipelines, each a JSON file in a folder.

The folder is named by the environment variable `DRAWBENCH_RIVALS`; it holds `services/NAME.json`, `programs/NAME.json`
and `pipelines/NAME.json`. So researchers choose among addresses, programs and files that the machine's operator
allowed, by name, and never write one themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from common.hashes import bytes_sha256
from common.json_in import JsonError, read_json
from common.strict import StrictError, build
from common.words import nearest
from generators.contract import GeneratorError
from generators.places import rivals_folder

FOLDER = "DRAWBENCH_RIVALS"

T = TypeVar("T")


def names(kind: str, shipped: Path | None = None) -> tuple[str, ...]:
    """The names of what is declared of a kind ("services"), those that ship in the folder `shipped` among them, sorted.

    Only names are looked at: a file that is wrong says so when it is used.
    """
    return tuple(sorted({path.stem for folder in _folders(kind, shipped) for path in folder.glob("*.json")}))


def read(kind: str, name: str, shipped: Path | None = None) -> tuple[Path, dict[str, object], str]:
    """The file that declares `name`, what stands in it, and its SHA-256. An own file wins over one that ships.

    Raises:
        GeneratorError: there is none of that name, or it is no JSON object; the message names the file.
    """
    folders = list(_folders(kind, shipped))
    path = next((folder / f"{name}.json" for folder in folders if name in _stems(folder)), None)
    if path is None:
        known = names(kind, shipped)
        there = f"There are: {', '.join(known)}." if known else f"Declare it as {kind}/{name}.json in {_where()}."
        raise GeneratorError(f'no {kind.removesuffix("s")} is called "{name}"{nearest(name, known) or "."} {there}')
    try:
        data = path.read_bytes()
        value = read_json(data)
    except OSError as error:
        raise GeneratorError(f"{path} can't be read: {(error.strerror or str(error)).lower()}") from None
    except JsonError as error:
        at = f" (line {error.line})" if error.line else ""
        raise GeneratorError(f"{path}{at}: {error}") from None
    if not isinstance(value, dict):
        raise GeneratorError(f"{path} holds no JSON object")
    return path, dict(value), bytes_sha256(data)


def undeclared(kind: str) -> str:
    """What to tell where nothing of a kind is declared."""
    return f"no {kind.removesuffix('s')} is declared; declare one as {kind}/NAME.json in {_where()}"


def faults(read_one: Callable[[str], object], known: Iterable[str]) -> list[str]:
    """What is wrong with the files of these names, a sentence each."""
    told = []
    for name in known:
        try:
            read_one(name)
        except GeneratorError as error:
            told.append(str(error))
    return told


def checked_build(kind: type[T], given: object, what: str) -> T:
    """`common.strict.build` for what an operator declares.

    Raises:
        GeneratorError: a field is missing, unknown or of another type.
    """
    try:
        return build(kind, given, what)
    except StrictError as error:
        raise GeneratorError(str(error)) from None


def secret_of(variable: str, what: str, *, optional: bool = False) -> str:
    """The key in an environment variable; "" where it is not set and `optional`. It is never written anywhere.

    Raises:
        GeneratorError: the variable is not set; or what is in it can't be sent.
    """
    secret = os.environ.get(variable, "").strip()
    if not secret:
        if optional:
            return ""
        raise GeneratorError(f"{what} needs a key: set the environment variable {variable} where the workers start")
    if not secret.isascii() or not secret.isprintable():
        raise GeneratorError(f"the key in the environment variable {variable} has characters that no header can carry")
    return secret


def _folders(kind: str, shipped: Path | None) -> Iterable[Path]:
    own = os.environ.get(FOLDER, "")
    if own:
        yield rivals_folder(own) / kind
    if shipped is not None:
        yield shipped


def _stems(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.json")}


def _where() -> str:
    own = os.environ.get(FOLDER, "")
    return own or f"the folder that the environment variable {FOLDER} names"
