"""Parquet files with the bytes of images in a column, as Hugging Face's data sets have them: a row is an image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.errors import InputError
from evaluation.services.uploads.entries import (
    MAX_FILES,
    MAX_RATIO,
    RATIO_FROM_BYTES,
    DamagedEntryError,
    Entry,
)
from generators.contract import GeneratorError
from generators.filenames.filelist import COLUMNS, FileEntry, FileListError, entries_of_rows, plain_column

IMAGE_COLUMNS = ("image", "img", "picture", "png", "jpg", "jpeg", "webp", "image_bytes", "bytes", "data")
ROWS_AT_ONCE = 8
"""Images that are in memory together."""
MAX_TEXT_BYTES = 64 * 2**20
"""Of the columns that say which prompt each row shows."""


class ParquetImages:
    """One Parquet file. `entries`: its rows, named `<file>/<row>`. `said`: what its other columns say of each.

    Raises:
        InputError: it can't be read, or its columns do not say which prompts the images show.
    """

    def __init__(self, file: BinaryIO, name: str, image: str, parquet: pq.ParquetFile) -> None:
        self.entries = [Entry(f"{name}/{row:07d}", 0, row, is_row=True) for row in range(parquet.metadata.num_rows)]
        self._file, self._name, self._image, self._parquet = file, name, image, parquet
        self._rows: Iterator[tuple[int, bytes | None]] = iter(())
        self._next = -1
        self.said = self._read_said()

    def read(self, entry: Entry, max_bytes: int) -> bytes:
        """The bytes of a row's image. Rows in their order are read once, others from the beginning of their group.

        Raises:
            DamagedEntryError: it has none, or can't be read.
        """
        row = entry.place
        try:
            if self._next < 0 or row < self._next:
                self._rows, self._next = self._from(row), row
            for number, data in self._rows:
                self._next = number + 1
                if number == row:
                    if data is None:
                        raise DamagedEntryError(f"row {row:,} has no image in the column {self._image}")
                    return data[: max_bytes + 1]
        except (pa.ArrowException, OSError) as error:
            self._next = -1
            raise DamagedEntryError("its row can't be read: the Parquet file is damaged") from error
        raise DamagedEntryError(f"row {row:,} is not there: the Parquet file is damaged")

    def _from(self, row: int) -> Iterator[tuple[int, bytes | None]]:
        """(row, bytes) of all rows from the group on in which `row` is."""
        metadata = self._parquet.metadata
        first = group = 0
        while group + 1 < metadata.num_row_groups and first + metadata.row_group(group).num_rows <= row:
            first += metadata.row_group(group).num_rows
            group += 1
        groups = range(group, metadata.num_row_groups)
        for batch in self._parquet.iter_batches(ROWS_AT_ONCE, row_groups=groups, columns=[self._image]):
            column = batch.column(0)
            if pa.types.is_struct(column.type):
                column = column.field("bytes")
            for value in column:
                yield first, value.as_py()
                first += 1

    def _read_said(self) -> list[FileEntry]:
        schema = self._parquet.schema_arrow
        wanted = {alias for part in ("number", "text", "sample") for alias in COLUMNS[part]}
        columns = [
            field.name
            for field in schema
            if plain_column(field.name) in wanted
            and (
                pa.types.is_string(field.type)
                or pa.types.is_large_string(field.type)
                or pa.types.is_integer(field.type)
            )
        ]
        rows: list[tuple[int, dict[str, object]]] = []
        n_bytes = 0
        for batch in self._parquet.iter_batches(1000, columns=columns) if columns else ():
            n_bytes += batch.nbytes
            if n_bytes > MAX_TEXT_BYTES:
                raise InputError(
                    f"{self._name} has more than {MAX_TEXT_BYTES // 2**20} MiB of prompts, which is too much for one "
                    "Parquet file. Split it.",
                    field="source",
                )
            for row in batch.to_pylist():
                rows.append((len(rows), {**row, "file": self.entries[len(rows)].name}))
        try:
            return entries_of_rows(rows, self._name, what="row") if rows else []
        except FileListError as error:
            raise InputError(str(error), field="source") from None

    @property
    def says_prompts(self) -> bool:
        """Whether its columns say which prompt each image shows."""
        return bool(self.said)


def parquet_images(file: BinaryIO, name: str) -> ParquetImages | None:
    """The images of a Parquet file; None where it has no column of images, as the tables beside img2dataset's shards.

    Raises:
        InputError: it is damaged, too large, or does not say which prompts its images show.
    """
    try:
        parquet = pq.ParquetFile(
            file, buffer_size=2**20, thrift_string_size_limit=64 * 2**20, thrift_container_size_limit=2**20
        )
        schema = parquet.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"{name} can't be read: the Parquet file is damaged. Write it again.", field="source"
        ) from error
    held = [field.name for field in schema if _holds_bytes(field.type)]
    known = [each for alias in IMAGE_COLUMNS for each in held if plain_column(each) == alias]
    if not held:
        return None
    if not known and len(held) > 1:
        raise InputError(
            f"{name} has several columns of bytes: {', '.join(held)}. Call the one with the images image.",
            field="source",
        )
    metadata = parquet.metadata
    packed = unpacked = 0
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            packed, unpacked = packed + chunk.total_compressed_size, unpacked + chunk.total_uncompressed_size
    if metadata.num_rows > MAX_FILES or unpacked > max(RATIO_FROM_BYTES, MAX_RATIO * packed):
        raise InputError(
            f"{name} has more than {MAX_FILES:,} rows, or unpacks to more than {MAX_RATIO} times its size.",
            field="source",
        )
    try:
        images = ParquetImages(file, name, (known or held)[0], parquet)
    except (pa.ArrowException, OSError, GeneratorError) as error:
        raise InputError(
            f"{name} can't be read: the Parquet file is damaged. Write it again.", field="source"
        ) from error
    if images.entries and not images.says_prompts:
        raise InputError(
            f"{name} has no column for the prompts: call it prompt (text) or prompt_id (number). Its columns: "
            f"{', '.join(schema.names)}",
            field="source",
        )
    return images


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _holds_bytes(field.type) for field in kind)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
