"""Tar shards as img2dataset writes them (LAION): `000000001.jpg`, `000000001.txt` and `000000001.json` of one key
beside each other in a tar file.

Read by index, not as a stream: each shard's table of members is made once and kept in the cache folder, so that any
batch can be had at once and a resumed training sees what it would have seen. An epoch takes the shards in a shuffled
order, `WINDOW` at a time, and shuffles the items within that window: few files are open, and neighbours in a shard
(which often come from one page) do not stand beside each other.
"""

from __future__ import annotations

import glob
import os
import tarfile
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from common.files import whole_file
from common.hashes import hash_of
from generators.cascade.configs import ConfigError
from generators.training.config import TrainConfig
from generators.training.data import Data, Report
from generators.training.data_config import WebDatasetConfig
from generators.training.sources.folder import IMAGES, text_of
from generators.training.sources.pictures import PictureData, Unusable, permutation

WINDOW = 16
"""Shards that are shuffled together."""

OPEN_SHARDS = 64
INDEX_VERSION = 1


@dataclass(frozen=True, slots=True)
class Index:
    """One shard's items: where image and caption stand in the file, (items,) int64 in bytes each; keys (items,).

    `text_size` -1: the caption is the field "caption" of the JSON member at `text_at`, whose size is `json_size`.
    """

    keys: NDArray[np.str_]
    image_at: NDArray[np.int64]
    image_size: NDArray[np.int64]
    text_at: NDArray[np.int64]
    text_size: NDArray[np.int64]
    json_size: NDArray[np.int64]


class ShardItems:
    """The items of all shards, numbered through."""

    def __init__(self, shards: list[Path], cache: Path, report: Report) -> None:
        self._shards = shards
        self._cache = cache
        self._lock = threading.Lock()
        self._indices: OrderedDict[int, Index] = OrderedDict()
        counts = []
        for number, shard in enumerate(shards):
            counts.append(len(self._index(number).keys))
            if number % 100 == 99:
                report(f"shards indexed: {number + 1:,} of {len(shards):,}")
            if not counts[-1]:
                report(f"passed over: {shard.name}: it holds no image with a caption, or is no whole tar file")
        self._counts = np.array(counts, dtype=np.int64)
        self._starts = np.concatenate(([0], np.cumsum(self._counts)))
        self._windowed = lru_cache(maxsize=4)(self._windows)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def shuffled(self, seed: int, epoch: int, place: int) -> int:
        """As `Items.shuffled`, by windows of shards."""
        order, ends = self._windowed(seed, epoch)
        window = int(np.searchsorted(ends, place, side="right"))
        first = 0 if window == 0 else int(ends[window - 1])
        inside = permutation(seed * 1_000_003 + epoch, window, int(ends[window]) - first)[place - first]
        for shard in order[window * WINDOW : (window + 1) * WINDOW]:
            if inside < self._counts[shard]:
                return int(self._starts[shard] + inside)
            inside -= self._counts[shard]
        raise AssertionError("a place lies within its window")

    def name(self, item: int) -> str:
        """Its shard and key."""
        shard, row = self._place(item)
        return f"{self._shards[shard].name}/{self._index(shard).keys[row]}"

    def read(self, item: int) -> tuple[bytes, str]:
        """As `Items.read`."""
        shard, row = self._place(item)
        index = self._index(shard)
        try:
            with self._shards[shard].open("rb") as opened:
                image = _piece(opened.fileno(), index.image_at[row], index.image_size[row])
                if index.text_size[row] >= 0:
                    return image, text_of(_piece(opened.fileno(), index.text_at[row], index.text_size[row]), ".txt")
                return image, text_of(_piece(opened.fileno(), index.text_at[row], index.json_size[row]), ".json")
        except OSError as error:
            raise Unusable(error.strerror or str(error)) from None

    def _windows(self, seed: int, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The shards' order in an epoch, and how many items the windows up to each have together."""
        order = np.random.Generator(np.random.Philox(key=[seed, (1 << 40) + epoch])).permutation(len(self._shards))
        sums = np.add.reduceat(self._counts[order], np.arange(0, len(order), WINDOW))
        return order, np.cumsum(sums)

    def _place(self, item: int) -> tuple[int, int]:
        shard = int(np.searchsorted(self._starts, item, side="right")) - 1
        return shard, item - int(self._starts[shard])

    def _index(self, shard: int) -> Index:
        with self._lock:
            if shard not in self._indices:
                self._indices[shard] = shard_index(self._shards[shard], self._cache)
            self._indices.move_to_end(shard)
            while len(self._indices) > OPEN_SHARDS:
                self._indices.popitem(last=False)
            return self._indices[shard]


def shard_index(shard: Path, cache: Path) -> Index:
    """A shard's index, from the cache where the file is still the one it was made of."""
    stat = shard.stat()
    made_of = [INDEX_VERSION, str(shard.resolve()), stat.st_size, stat.st_mtime_ns]
    path = cache / "shards" / f"{hash_of(made_of, spaced=True)[:32]}.npz"
    try:
        with np.load(path, allow_pickle=False) as held:
            return Index(**{name: held[name] for name in Index.__slots__})
    except (OSError, ValueError, KeyError, EOFError):
        pass  # not made yet, or damaged: made anew
    index = _read_index(shard)
    with whole_file(path) as file:
        np.savez(file, **{name: getattr(index, name) for name in Index.__slots__})
    return index


def _read_index(shard: Path) -> Index:
    """Members with an image and a text or JSON of the same key; those before a broken end are taken."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(shard, "r:") as opened:  # compressed tars can't be read by place
            for member in opened:
                if not member.isfile():
                    continue
                stem, dot, extension = member.name.rpartition(".")
                kind = "image" if f".{extension.lower()}" in IMAGES else extension.lower()
                if dot and kind in ("image", "txt", "json"):
                    found.setdefault(stem, {})[kind] = (member.offset_data, member.size)
    except (tarfile.TarError, EOFError):
        pass
    whole = shard.stat().st_size
    rows = [
        (key, kinds["image"], kinds.get("txt"), kinds.get("json"))
        for key, kinds in found.items()
        if "image" in kinds and ("txt" in kinds or "json" in kinds) and sum(kinds["image"]) <= whole
    ]
    none = (0, -1)
    return Index(
        keys=np.array([key for key, *_ in rows], dtype=np.str_),
        image_at=np.array([image[0] for _, image, _, _ in rows], dtype=np.int64),
        image_size=np.array([image[1] for _, image, _, _ in rows], dtype=np.int64),
        text_at=np.array([(text or held or none)[0] for _, _, text, held in rows], dtype=np.int64),
        text_size=np.array([(text or none)[1] for _, _, text, _ in rows], dtype=np.int64),
        json_size=np.array([(held or none)[1] for _, _, _, held in rows], dtype=np.int64),
    )


def _piece(descriptor: int, start: int, size: int) -> bytes:
    piece = os.pread(descriptor, int(size), int(start))
    if len(piece) < size:
        raise Unusable("the shard ends too early: it is truncated")
    return piece


def shard_files(path: str) -> list[Path]:
    """The tar files of a folder, or those that a pattern names (`{00000..00009}` as well as `*`), sorted.

    Raises:
        FileNotFoundError: there is none.
    """
    if Path(path).is_dir():
        found = sorted(Path(path).glob("*.tar"))
    else:
        found = sorted({Path(name) for pattern in _braced(path) for name in glob.glob(pattern)})
    if not found:
        raise FileNotFoundError(
            f"data: {path} names no tar file. A folder of *.tar is wanted, or a pattern of their names"
        )
    return found


def _braced(pattern: str) -> list[str]:
    """`a-{008..010}.tar` as its three names; a pattern without braces alone."""
    before, opened, rest = pattern.partition("{")
    inside, closed, after = rest.partition("}")
    first, dots, last = inside.partition("..")
    if not (opened and closed and dots and first.isdigit() and last.isdigit()):
        return [pattern]
    return [
        name
        for number in range(int(first), int(last) + 1)
        for name in _braced(f"{before}{number:0{len(first)}d}{after}")
    ]


def load(config: TrainConfig, report: Report) -> Data:
    """The shards that a configuration names.

    Raises:
        FileNotFoundError: there are none.
        ConfigError: no shard holds an image with a caption.
    """
    data = cast(WebDatasetConfig, config.data)
    items = ShardItems(shard_files(data.path), Path(config.cache), report)
    if not len(items):
        raise ConfigError(f"data: no shard of {data.path} holds an image (jpg, png, webp) with a txt or json beside it")
    report(f"{len(items):,} images in the shards of {data.path}")
    return PictureData(config, items, data.max_broken, report)
