"""A folder of images, at any depth, each with its caption.

The caption of `a/b.jpg` stands in `a/b.txt` (or `a/b.caption`), or in a table `metadata.jsonl` or `metadata.csv` in the
folder of the image or above it, with the columns `file_name` (relative to the table) and `text` or `caption`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from common import text_files
from common.images.decode import EXTENSIONS
from common.json_in import JsonError, read_json
from common.tables import TableError, rows_by_heading, shape_of
from generators.cascade.configs import ConfigError
from generators.training.config import TrainConfig
from generators.training.data import Data, Report
from generators.training.data_config import FolderConfig
from generators.training.sources.pictures import PictureData, Unusable, permutation

BESIDE = (".txt", ".caption")
TABLES = ("metadata.jsonl", "metadata.csv")
TEXT_COLUMNS = ("text", "caption")
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
        beside = any((folder / name).with_suffix(end).is_file() for name in self._files[:1000] for end in BESIDE)
        if not self._captions and not beside:
            raise ConfigError(
                f"data: no image in {folder} has a caption. The caption of a.jpg stands in a.txt beside it, or in a "
                f"table {' or '.join(TABLES)} with the columns file_name and text."
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
        for end in BESIDE:
            path = (self._folder / name).with_suffix(end)
            if path.is_file():
                return text_of(path.read_bytes())
        raise Unusable("it has no caption")


def text_of(data: bytes) -> str:
    """A caption file's text.

    Raises:
        Unusable: it is no UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unusable("its caption is not UTF-8 text") from None


def _from_tables(folder: Path) -> Iterator[tuple[str, str]]:
    """(path below the folder, caption) of all tables; a table nearer to an image comes later, and so wins."""
    tables = [path for name in TABLES for path in folder.rglob(name) if path.is_file()]
    for table in sorted(tables, key=lambda path: (len(path.parts), path)):
        below = table.parent.relative_to(folder)
        for number, row in enumerate(_rows(table), start=1):
            name = row.get("file_name")
            text = next((row[column] for column in TEXT_COLUMNS if column in row), None)
            if not isinstance(name, str) or not isinstance(text, str):
                raise ConfigError(
                    f"data: {table}, row {number}: the columns file_name and {' or '.join(TEXT_COLUMNS)} are wanted; "
                    f"there are: {', '.join(map(str, row)) or 'none'}"
                )
            yield (below / name).as_posix(), text


def _rows(table: Path) -> Iterator[Mapping[str, object]]:
    try:
        text = text_files.decode(table.read_bytes(), wanted="a list of captions")
        if table.suffix == ".csv":
            separator = shape_of(text, lambda heading: heading == "file name").separator or ","
            yield from (dict(row) for _, row in rows_by_heading(text, separator)[1])
            return
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            try:
                held = read_json(line)
            except JsonError as error:
                raise ConfigError(f"data: {table}, line {number}: not JSON ({error})") from None
            if not isinstance(held, dict):
                raise ConfigError(f"data: {table}, line {number}: an object is wanted")
            yield dict(held)
    except (OSError, text_files.TextFileError, TableError) as error:
        raise ConfigError(f"data: {table} can't be read: {error}") from None


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
