"""The cells of a ratings file as a frame, a column or a block of rows at a time.

Text columns get codes as small as they can be, so that a file of ten million rows takes a byte or two a cell, and each
distinct text is looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pa_compute
import pyarrow.parquet as pa_parquet

from evaluation.analysis.columns import Codes
from evaluation.analysis.table_file import TableFile, rows_with_text

STEP = 1 << 19  # rows of small row groups that are read at a time
ESCAPED = r"^'('*[=+\-@\t\r])"  # a cell that an export kept from running as a formula, by one apostrophe more
PANDAS_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls a frame's unnamed index in Parquet


def read_parquet(path: Path, coded: Collection[str]) -> pd.DataFrame:
    """A Parquet file a column and some row groups at a time; ``coded``: the columns of text that repeats.

    Raises:
        pa.ArrowException, OSError: it can't be read.
    """
    names = [name for name in dict.fromkeys(pa_parquet.read_schema(path).names) if not PANDAS_INDEX.fullmatch(name)]
    texts = [name for name in names if name in coded]
    with pa_parquet.ParquetFile(path, read_dictionary=texts, pre_buffer=False) as file:
        return _side_by_side([_parquet_column(file, name) for name in names])


def _parquet_column(file: pa_parquet.ParquetFile, name: str) -> pd.DataFrame:
    """The column or columns called ``name``."""
    kinds = [field.type for field in file.schema_arrow if field.name == name]
    if len(kinds) > 1 or not pa.types.is_dictionary(kinds[0]):
        return file.read(columns=[name]).to_pandas().reset_index(drop=True)
    n_groups, rows = file.num_row_groups, max(file.metadata.num_rows, 1)
    step = max(n_groups * STEP // rows, 1)
    column = _Coded(rows=rows)
    for at in range(0, n_groups, step):
        groups = list(range(n_groups)[at : at + step])
        column.add(file.read_row_groups(groups, columns=[name]).column(0).chunks)
    return pd.DataFrame({name: column.whole()}, copy=False)


def read_csv(file: TableFile) -> pd.DataFrame:
    """A CSV file without the apostrophes that an export put before formulas.

    Raises:
        pa.ArrowException, OSError, ValueError: it can't be read.
    """
    blocks = file.blocks()
    return _by_columns(file.read_cells()) if blocks is None else _by_blocks(*blocks, file.form.required)


def _by_blocks(schema: pa.Schema, blocks: Iterable[pa.RecordBatch], required: Sequence[str]) -> pd.DataFrame:
    coded = {at: _Coded(_plain) for at, kind in enumerate(schema.types) if pa.types.is_dictionary(kind)}
    others: dict[int, list[pa.Array]] = {at: [] for at in range(len(schema)) if at not in coded}
    for block in blocks:
        for at, column in enumerate(block.columns):
            if at in coded:
                coded[at].add([column])
            else:
                others[at].append(column)
    columns = []
    for at, field in enumerate(schema):
        if at in coded:
            columns.append(pd.DataFrame({field.name: coded[at].whole()}, copy=False))
        else:
            columns.append(_csv_column(pa.table({field.name: pa.chunked_array(others.pop(at), field.type)})))
    found = _side_by_side(columns)
    cells = [found.iloc[:, at] for at, name in enumerate(schema.names) if name in required]
    return found.iloc[: rows_with_text(len(found), [column.iloc.__getitem__ for column in cells])]


def _by_columns(table: pa.Table) -> pd.DataFrame:
    frames = []
    while table.num_columns:  # from the last to the first, so that each column's memory is free before the next
        at = table.num_columns - 1
        frames.append(_csv_column(table.select([at])))
        table = table.remove_column(at)
    return _side_by_side(frames[::-1])


def _csv_column(table: pa.Table) -> pd.DataFrame:
    """The one column of ``table``."""
    (name,), (column,) = table.column_names, table.columns
    if pa.types.is_dictionary(column.type):
        coded = _Coded(_plain)
        coded.add(column.chunks)
        return pd.DataFrame({name: coded.whole()}, copy=False)
    if pa.types.is_string(column.type) and pa_compute.any(pa_compute.match_substring_regex(column, ESCAPED)).as_py():
        table = pa.table({name: pa_compute.replace_substring_regex(column, ESCAPED, r"\1")})
    return table.to_pandas()


def _plain(text: str) -> str:
    return re.sub(ESCAPED, r"\1", text) if text.startswith("'") else text


class _Coded:
    """A column that Arrow coded chunk by chunk, with codes as small as they can be; only distinct cells are looked at.
    Texts that ``plain`` makes alike are one category. ``rows``: how many there will be, where that is known.
    """

    def __init__(self, plain: Callable[[str], str] = str, rows: int = 0) -> None:
        self._plain = plain
        self._place: dict[str, int] = {}
        self._codes: Codes = np.empty(rows, dtype=np.int8)
        self._n = 0
        self._known: dict[str, int] = {}

    def add(self, chunks: Iterable[pa.DictionaryArray]) -> None:
        for chunk in chunks:
            codes = [self._code(text) for text in chunk.dictionary.to_pylist()]
            indices = chunk.indices.fill_null(-1) if chunk.null_count else chunk.indices
            found = indices.to_numpy(zero_copy_only=False)
            room = self._room(len(found))
            same = codes == list(range(len(codes)))  # as in the chunks before it: the codes are right already
            room[:] = found if same else np.array([*codes, -1], dtype=room.dtype)[found]

    def _room(self, rows: int) -> Codes:
        """The next ``rows`` places, of a kind that holds all codes so far; memory that is not written costs nothing."""
        end = self._n + rows
        kind = np.min_scalar_type(-max(len(self._place), 1))
        if end > len(self._codes) or kind != self._codes.dtype:
            longer = np.empty(max(end, 2 * self._n, len(self._codes)), dtype=kind)
            longer[: self._n] = self._codes[: self._n]
            self._codes = longer
        room = self._codes[self._n : end]
        self._n = end
        return room

    def _code(self, text: str | None) -> int:
        if text is None:
            return -1
        code = self._known.get(text)
        if code is None:
            code = self._known[text] = self._place.setdefault(self._plain(text), len(self._place))
        return code

    def whole(self) -> pd.Categorical:
        """All of it, once."""
        names = pd.Index(list(self._place), dtype=object)
        return pd.Categorical.from_codes(self._codes[: self._n], categories=names, validate=False)


def _side_by_side(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One frame of the columns of ``frames``, none of them copied; headings may stand more than once."""
    names = [name for frame in frames for name in frame.columns]
    columns = [frame.iloc[:, at] for frame in frames for at in range(frame.shape[1])]
    found = pd.DataFrame(dict(enumerate(columns)), copy=False)
    found.columns = pd.Index(names, dtype=object)
    return found
