"""What the sources have in common: items drawn in an order that the seed decides, decoded, fitted and captioned.

Item number n of the training (counted over all steps and processes) is place n mod N of epoch n div N's permutation. An
item that can't be used gives way to another, drawn from (seed, n, try): so a batch is a function of its number alone,
broken files or not, and a resumed training sees what it would have seen.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from common.images.decode import ImageError, decode_pixels
from generators.cascade.blocks import TextStates
from generators.cascade.configs import ConfigError, StageConfig
from generators.cascade.text import TextEncoder, load_encoder
from generators.training.config import TrainConfig
from generators.training.data import Batch, Prepared, Report, rows_of, to_batch

Pixels = NDArray[np.uint8]

TRIES = 64
"""Items tried for one row before the training set counts as unusable."""

ENOUGH = 200
"""Items read before the share of broken ones is held against its limit (all of a smaller set)."""

NAMED = 50
"""Broken files that are named, each once; beyond them they are only counted."""


class Unusable(Exception):
    """An item without a readable picture or caption; the message says why."""


class TooSmall(Exception):
    """A picture with fewer pixels than a super-resolution stage draws: enlarging it would teach blur."""


class Items(Protocol):
    """A training set's items, in its own order."""

    def __len__(self) -> int: ...

    def shuffled(self, seed: int, epoch: int, place: int) -> int:
        """The item at a place of an epoch's permutation; the same for the same arguments."""
        ...

    def name(self, item: int) -> str:
        """What people call it: a path, or a shard and its member."""
        ...

    def read(self, item: int) -> tuple[bytes, str]:
        """The image's file and its caption.

        Raises:
            Unusable: it can't be read.
        """
        ...


@lru_cache(maxsize=4)
def permutation(seed: int, epoch: int, size: int) -> NDArray[np.int64]:
    """A permutation of 0 .. size - 1 from Philox keyed by (seed, epoch)."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(size)


def fitted(data: bytes, size: int, *, enlarge: bool) -> Pixels:
    """The picture as RGB with its shorter side at `size` (area-averaged down, else Lanczos), cropped to the middle.

    Transparent parts are laid on white, orientation and colour profile are heeded, as for uploads.

    Raises:
        Unusable: it can't be decoded.
        TooSmall: it would have to be enlarged, and `enlarge` is off.
    """
    try:
        image, _, _ = decode_pixels(data)
    except ImageError as error:
        raise Unusable(str(error)) from None
    shorter = min(image.size)
    if shorter < size and not enlarge:
        raise TooSmall
    if shorter != size:
        # One step to the middle square: nothing outside it is computed.
        left, top = (image.width - shorter) / 2, (image.height - shorter) / 2
        kind = Image.Resampling.BOX if shorter >= 2 * size else Image.Resampling.LANCZOS
        image = image.resize((size, size), kind, box=(left, top, left + shorter, top + shorter))
    else:
        left, top = (image.width - size) // 2, (image.height - size) // 2
        image = image.crop((left, top, left + size, top + size))
    return np.asarray(image)


class PictureData:
    """Batches of pictures with captions, as `generators.training.data.Data`.

    The text encoder runs in `finish`, in the training's own process: processes that prepare batches ahead only read and
    decode.

    Raises (from `batch` and `prepare`):
        ConfigError: more than the allowed share of the items read so far is broken, or none can be used.
    """

    def __init__(self, config: TrainConfig, items: Items, max_broken: float, report: Report) -> None:
        if not len(items):
            raise ConfigError(f"data: there is no image with a caption in this {config.data.kind}")
        self.config = config
        self.items = items
        self.max_broken = max_broken
        self.broken: dict[str, str] = {}
        self.read = self.passed_over = self.too_small = 0
        self._report = report
        self._encoder: TextEncoder | None = None
        self._text = lru_cache(maxsize=4096)(self._encoded)
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        self._lock = threading.Lock()

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """As `Data.batch`."""
        return self.finish(self.prepare(step, rank, world))

    def prepare(self, step: int, rank: int = 0, world: int = 1) -> Prepared:
        """The pictures and their captions."""
        mine = rows_of(self.config.batch, rank, world)
        rows = list(self._threads().map(lambda row: self._row(step * self.config.batch + row), mine))
        return Prepared(tuple(caption for _, caption in rows), np.stack([picture for picture, _ in rows]))

    def finish(self, prepared: Prepared) -> Batch:
        """The batch with its captions' states, each caption encoded by itself: no neighbour's length can change it."""
        assert prepared.pictures is not None
        text = padded([self._text(each) for each in prepared.captions])
        return to_batch(prepared.pictures, text, prepared.captions, self.config.network, self.config.crop)

    def _row(self, number: int) -> tuple[Pixels, str]:
        config, count = self.config, len(self.items)
        for attempt in range(TRIES):
            if attempt:
                rng = np.random.Generator(np.random.Philox(key=[(config.seed << 32) + attempt, number]))
                item = int(rng.integers(count))
            else:
                item = self.items.shuffled(config.seed, number // count, number % count)
            with self._lock:
                self.read += 1
            try:
                data, caption = self.items.read(item)
                if not caption.strip():
                    raise Unusable("its caption is empty")
                picture = fitted(data, config.network.size, enlarge=not config.network.low_size)
            except Unusable as problem:
                self._pass_over(self.items.name(item), str(problem))
                continue
            except TooSmall:
                with self._lock:
                    self.too_small += 1
                continue
            return self._cropped(picture, number, config.network), " ".join(caption.split())
        raise ConfigError(
            f"data: {TRIES} images in a row could not be used ({len(self.broken)} files broken, {self.too_small} times "
            f"one was smaller than the {config.network.size} pixels of stage {config.stage}). {self._first()}"
        )

    def _cropped(self, picture: Pixels, number: int, network: StageConfig) -> Pixels:
        crop, free = self.config.crop, network.size - self.config.crop
        rng = np.random.Generator(np.random.Philox(key=[self.config.seed << 32, number]))
        y, x = (int(value) for value in rng.integers(0, free + 1, 2))
        if network.low_size:  # a crop of the low-resolution image must be whole pixels
            factor = network.size // network.low_size
            y, x = y // factor * factor, x // factor * factor
        return picture[y : y + crop, x : x + crop]

    def _pass_over(self, name: str, why: str) -> None:
        with self._lock:
            self.passed_over += 1
            if name not in self.broken:
                self.broken[name] = why
                if len(self.broken) <= NAMED:
                    more = "; further ones are only counted" if len(self.broken) == NAMED else ""
                    self._report(f"passed over: {name}: {why}{more}")
        enough = self.read >= min(ENOUGH, len(self.items))
        if enough and self.passed_over > self.max_broken * self.read:
            raise ConfigError(
                f"data: {self.passed_over} of {self.read} images read could not be used, more than the share of "
                f"{self.max_broken:g} that max_broken allows. {self._first()}"
            )

    def _first(self) -> str:
        told = "; ".join(f"{name}: {why}" for name, why in list(self.broken.items())[:3])
        return f"The first: {told}." if told else ""

    def _encoded(self, caption: str) -> TextStates:
        if self._encoder is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
            self._encoder = load_encoder(self.config.text, device=device)
        return self._encoder.encode([caption]).states.to("cpu", torch.float32)

    def _threads(self) -> ThreadPoolExecutor:
        # One a process: threads do not survive the fork of a process that prepares batches ahead.
        if self._pool is None or self._pool[0] != os.getpid():
            self._pool = os.getpid(), ThreadPoolExecutor(min(16, os.cpu_count() or 1))
        return self._pool[1]


def padded(rows: Sequence[TextStates]) -> TextStates:
    """States of single captions, (1, length, width) each, as one batch padded to the longest."""
    length = max(row.tokens.shape[1] for row in rows)

    def wide(values: Callable[[TextStates], Tensor]) -> Tensor:
        first = values(rows[0])
        held = first.new_zeros(len(rows), length, *first.shape[2:])
        for index, row in enumerate(rows):
            held[index, : values(row).shape[1]] = values(row)[0]
        return held

    return TextStates(wide(lambda row: row.tokens), wide(lambda row: row.mask))
