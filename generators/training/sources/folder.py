"""A folder of images, at any depth, each with its caption.

The caption of `a/b.jpg` stands in a file beside it or in a table `metadata.jsonl` or `metadata.csv` in the folder of
the image or above it, as `generators.filenames` reads them for uploads too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from common.images.decode import EXTENSIONS
from generators.cascade.configs import ConfigError
from generators.filenames.captions import CaptionError, caption_of, captions_of_list
from generators.filenames.companions import ENDINGS, beside_files
from generators.filenames.filelist import FileListError
from generators.training.config import TrainConfig
from generators.training.data import Data, Report
from generators.training.data_config import FolderConfig
from generators.training.sources.pictures import PictureData, Unusable, permutation

TABLES = ("metadata.jsonl", "metadata.csv")
IMAGES = frozenset(extension for kinds in EXTENSIONS.values() for extension in kinds)


class FolderItems:
    """Image files below a folder, sorted by path; `captions`: from the tables, by path relative to the folder."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(f"data: there is no folder {folder}")
        self._folder = folder
        self._captions = dict(_from_tables(folder))
        found = (path for path in folder.rglob("*") if path.suffix.lower() in IMAGES and path.is_file())
        self._files = sorted(path.relative_to(folder).as_posix() for path in found)
        if not self._files:
            raise ConfigError(f"data: {folder} holds no image ({', '.join(sorted(IMAGES))})")
        beside = any((folder / each).is_file() for name in self._files[:1000] for each in beside_files(name))
        if not self._captions and not beside:
            raise ConfigError(
                f"data: no image in {folder} has a caption. The caption of a.jpg stands in a{', a'.join(ENDINGS)} "
                f"beside it, or in a table {' or '.join(TABLES)} with the columns file_name and text."
            )

    def __len__(self) -> int:
        return len(self._files)

    def shuffled(self, seed: int, epoch: int, place: int) -> int:
        """As `Items.shuffled`."""
        return int(permutation(seed, epoch, len(self._files))[place])

    def name(self, item: int) -> str:
        """Its path below the folder."""
        return self._files[item]

    def read(self, item: int) -> tuple[bytes, str]:
        """As `Items.read`."""
        name = self._files[item]
        try:
            return (self._folder / name).read_bytes(), self._caption(name)
        except OSError as error:
            raise Unusable(error.strerror or str(error)) from None

    def _caption(self, name: str) -> str:
        if name in self._captions:
            return self._captions[name]
        for beside in beside_files(name):
            path = self._folder / beside
            if path.is_file():
                return text_of(path.read_bytes(), beside)
        raise Unusable("it has no caption")


def text_of(data: bytes, name: str) -> str:
    """The caption in a file.

    Raises:
        Unusable: it can't be read, or there is none.
    """
    try:
        return caption_of(data, name)
    except CaptionError as error:
        raise Unusable(f"its caption {error}") from None


def _from_tables(folder: Path) -> Iterator[tuple[str, str]]:
    """(path below the folder, caption) of all tables; a table nearer to an image comes later, and so wins."""
    tables = [path for name in TABLES for path in folder.rglob(name) if path.is_file()]
    for table in sorted(tables, key=lambda path: (len(path.parts), path)):
        below = table.parent.relative_to(folder)
        try:
            pairs = captions_of_list(table.read_bytes(), table.as_posix())
        except (OSError, FileListError) as error:
            raise ConfigError(f"data: {error}") from None
        for name, text in pairs:
            yield (below / name).as_posix(), text


def load(config: TrainConfig, report: Report) -> Data:
    """The folder that a configuration names.

    Raises:
        FileNotFoundError: it is not there.
        ConfigError: it holds no image with a caption, or a table that can't be read.
    """
    data = cast(FolderConfig, config.data)
    items = FolderItems(Path(data.path))
    report(f"{len(items):,} images in {data.path}")
    return PictureData(config, items, data.max_broken, report)
