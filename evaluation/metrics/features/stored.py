"""The features of scored images on disk, row by row: what kernels, neighbours and influences need besides moments.

A plain `.npy` of float32 that grows while images are scored and is read through the page cache afterwards, so that no
list of features is ever held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from common.files import whole_file
from evaluation.metrics.errors import MetricError

Rows = NDArray[np.float32]


class FeatureWriter:
    """Writes rows (n, d) to `path`, which appears whole on leaving the `with`, or not at all.

    >>> with FeatureWriter(Path("/tmp/a.npy"), 2) as writer:  # doctest: +SKIP
    ...     writer.add(np.zeros((5, 2), dtype=np.float32))
    """

    def __init__(self, path: Path, features: int) -> None:
        self._features, self._rows = features, 0
        self._whole = whole_file(path)
        self._file = self._whole.__enter__()
        self._header()

    def add(self, rows: Rows) -> None:
        """Append rows (n, d) of float32."""
        self._file.write(np.ascontiguousarray(rows, dtype="<f4").data)
        self._rows += len(rows)

    def _header(self) -> None:
        # numpy leaves room in it for the first number of the shape to grow.
        self._file.seek(0)
        shape = (self._rows, self._features)
        npy.write_array_header_1_0(self._file, {"descr": "<f4", "fortran_order": False, "shape": shape})

    def __enter__(self) -> FeatureWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._header()
        except BaseException as failed:
            self._whole.__exit__(type(failed), failed, failed.__traceback__)
            raise
        self._whole.__exit__(kind, error, at)


def read_features(path: Path) -> Rows:
    """The rows (n, d) of a file of features, mapped, not loaded.

    Raises:
        MetricError: it is gone, damaged or something else.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise MetricError(f"{path} holds no features that can be read ({error}). Score the images anew.") from None
    if found.ndim != 2 or found.dtype != np.dtype("<f4"):
        raise MetricError(f"{path} holds no features: {found.dtype} of the shape {found.shape}.")
    return np.asarray(found) if not len(found) else found


def join_features(parts: Iterable[Path], path: Path, *, features: int, rows: int) -> None:
    """The first `rows` rows of several files one after another, in a file of their own."""
    left = rows
    with FeatureWriter(path, features) as writer:
        for part in parts:
            found = read_features(part)
            for start in range(0, min(len(found), left), 4096):
                writer.add(found[start : min(start + 4096, left)])
            left -= min(len(found), left)
