"""The curves of a training: `log.jsonl` always, TensorBoard's where it is installed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from common.files import save_error, write_text

LOG, BOARD = "log.jsonl", "tensorboard"


class Writer(Protocol):
    """What is used of `torch.utils.tensorboard.SummaryWriter`."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        """One point of a curve."""

    def add_image(self, tag: str, img_tensor: NDArray[np.uint8], global_step: int, *, dataformats: str) -> None:
        """One picture."""

    def flush(self) -> None:
        """To the disk."""

    def close(self) -> None:
        """The end."""


class Curves:
    """The log of one training, begun or gone on with after step `step`: what was logged of later steps is dropped."""

    def __init__(self, folder: Path, step: int, report: Callable[[str], None] = print) -> None:
        self._path = folder / LOG
        folder.mkdir(parents=True, exist_ok=True)
        _drop_after(self._path, step)
        self._board = _writer(folder / BOARD, step, report)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """One line, one point of each curve. What is not a number stands as null.

        Raises:
            SaveError: it could not be written.
        """
        plain = {name: round(value, 6) if math.isfinite(value) else None for name, value in values.items()}
        try:
            with self._path.open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": step, **plain}) + "\n")
            if self._board is not None:
                for name, value in values.items():
                    self._board.add_scalar(name, value, step)
        except OSError as error:
            raise save_error(self._path, error) from error

    def picture(self, step: int, name: str, image: NDArray[np.uint8]) -> None:
        """A picture, (height, width, 3), beside the curves."""
        if self._board is not None:
            self._board.add_image(name, image, step, dataformats="HWC")

    def close(self) -> None:
        """Everything is on the disk afterwards."""
        if self._board is not None:
            self._board.flush()
            self._board.close()


def duration(seconds: float) -> str:
    """Like 1:02:03, or "?" where it is not known."""
    if not math.isfinite(seconds):
        return "?"
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _writer(folder: Path, step: int, report: Callable[[str], None]) -> Writer | None:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        report("TensorBoard is not installed (pip install -r requirements-curves.txt): curves are in log.jsonl alone")
        return None
    return cast(Writer, SummaryWriter(str(folder), purge_step=step + 1 if step else None))


def _drop_after(path: Path, step: int) -> None:
    """Keep the lines up to a step: a killed training had gone on after its last checkpoint. A torn line goes, too."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (json.JSONDecodeError, KeyError, TypeError):
            continue
    write_text(path, "".join(kept))
