"""A training's state on disk: written whole or not at all, with its hash, the last good one staying until then."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from common.files import write_text, write_whole
from common.hashes import file_sha256
from generators.cascade.configs import ConfigError

STATE, HASHES = "state.pt", "state.sha256"
STATE_SCHEMA = "drawbench-training/2"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write a training's state and its hash.

    Killed between any two steps it leaves a state whose hash is listed: the new one is listed beside the old one before
    the state itself takes its place.

    Raises:
        SaveError: as `write_whole`.
    """
    path, hashes = folder / STATE, folder / HASHES
    known = _hashes(folder)[-1:]
    listed: list[str] = []

    def write(part: Path) -> None:
        torch.save({"schema": STATE_SCHEMA, **state}, part)
        listed.append(file_sha256(part))
        _write_lines(hashes, [*known, *listed])

    write_whole(path, write)
    _write_lines(hashes, listed)


def read_state(folder: Path) -> dict[str, Any]:
    """A training's state, on the CPU.

    Raises:
        ConfigError: there is none, it was altered or cut short, or it is of another schema.
    """
    path = folder / STATE
    if not path.is_file():
        raise ConfigError(f"nothing to go on from: {path} is not there")
    known = _hashes(folder)
    if known and file_sha256(path) not in known:
        raise ConfigError(
            f"{path} can't be read: it was altered or cut short (its hash is not in {HASHES}). Copy it anew from where "
            "it was trained, or start again in another --out"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise ConfigError(f"{path} can't be read: {_first_line(error)}") from error
    if not isinstance(state, dict) or state.get("schema") != STATE_SCHEMA:
        given = state.get("schema") if isinstance(state, dict) else type(state).__name__
        raise ConfigError(
            f"{path} is not a training's state of schema {STATE_SCHEMA} but {given}: another version's. Its averaged "
            "weights can still begin a new training: --start-from this folder, without its state.pt"
        )
    if not known:
        raise ConfigError(f"{folder / HASHES} is not there: whether {path.name} is whole can't be told. Copy both")
    return state


def _hashes(folder: Path) -> list[str]:
    try:
        return (folder / HASHES).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []


def _write_lines(path: Path, lines: list[str]) -> None:
    write_text(path, "\n".join(lines) + "\n")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
