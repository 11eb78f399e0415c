"""An image file as the metrics of single images see it: RGB pixels, the file's hash, or a reason for people."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from common.hashes import bytes_sha256
from evaluation.metrics.features.decode import MAX_BYTES, NotScoredError, decode


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """`image`: RGB. `sha256`: of the file. `notes`: what was changed to make it RGB, mostly empty."""

    image: Image.Image
    sha256: str
    notes: tuple[str, ...]


def read_image(path: Path) -> Picture:
    """The picture in a file, decoded in this process: for files that were checked when they came in.

    Raises:
        NotScoredError: there is no such file, or it is not a whole, still image.
    """
    try:
        if not path.is_file():  # a pipe would never end
            raise NotScoredError("this is not a regular file" if os.path.lexists(path) else "the file is gone")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotScoredError(f"the file can't be read: {(error.strerror or str(error)).lower()}") from None
    image, notes = decode(data)
    return Picture(image, bytes_sha256(data), notes)
