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

import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from common.images.child import (
    START_SECONDS,
    Answer,
    Child,
    Want,
    checked_of,
    child_end,
    died_of_it,
    read_file,
    took_too_long,
)
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
from common.images.many import check_images

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


class DecodeProcess:
    """A decoding child that is started when needed, replaced when a file kills it, and ended by `close`.

    One caller at a time; `check_images` runs several side by side.
    """

    def __init__(self, limits: ImageLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._child: Child | None = None

    def __enter__(self) -> DecodeProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check(self, name: str, source: bytes | Path) -> CheckedImage | ImageProblem:
        """The checked image (`decode.admit_image`), or what is wrong with the file."""
        data = source if isinstance(source, bytes) else read_file(source, self.limits.max_bytes)
        if isinstance(data, ImageProblem):
            return data
        answer = self._ask(name, data, "image")
        return answer if isinstance(answer, ImageProblem) else checked_of(answer, data)

    def pixels(self, name: str, source: bytes | Path) -> NDArray[np.uint8] | ImageProblem:
        """The image's pixels, uint8 RGB (height, width, 3), or what is wrong with the file."""
        import numpy as np

        data = source if isinstance(source, bytes) else read_file(source, self.limits.max_bytes)
        answer = data if isinstance(data, ImageProblem) else self._ask(name, data, "pixels")
        if isinstance(answer, ImageProblem):
            return answer
        header, payload = answer
        if not header["ok"]:
            return ImageProblem(Problem(str(header["problem"])), str(header["message"]))
        shape = (int(str(header["height"])), int(str(header["width"])), 3)
        return np.frombuffer(payload, dtype=np.uint8).reshape(shape)

    def close(self) -> None:
        """End the child. Harmless when there is none."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _ask(self, name: str, data: bytes, want: Want) -> Answer | ImageProblem:
        fresh = self._child is None
        child = self._child = self._child or Child(self.limits)
        try:
            child.ask(name, data, want)
            return child.answer(time.monotonic() + self.limits.seconds + (START_SECONDS if fresh else 0.0))
        except TimeoutError:
            self.close()
            return took_too_long(self.limits)
        except (EOFError, OSError, ValueError):
            self.close()
            return died_of_it()
        except BaseException:  # Ctrl-C between question and answer: the next answer would be this one's
            self.close()
            raise
