"""Where two files or two JSON values differ, a sentence each; of many alike, the first and how many more."""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

DIGITS = 12
"""Significant digits in which numbers are compared, so that another library for matrices does not matter."""
NAMED = 100
"""Differences of one kind that are named; of more, how many."""


class Gathered:
    """Differences in `file` as they are met, of each kind the first `NAMED`: a million lines may differ."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._named: dict[str, list[str]] = {}
        self._n: Counter[str] = Counter()

    def add(self, kind: str, sentence: str) -> None:
        """Add one of a kind."""
        self._n[kind] += 1
        if self._n[kind] <= NAMED:
            self._named.setdefault(kind, []).append(sentence)

    def __iter__(self) -> Iterator[str]:
        for kind, sentences in self._named.items():
            yield from sentences
            if self._n[kind] > NAMED:
                yield f"{self._file}: ... and {self._n[kind] - NAMED:,} more of this kind: {kind}."


def gathered(file: str, kind: str, sentences: Iterable[str]) -> Gathered:
    """Differences of one kind."""
    found = Gathered(file)
    for each in sentences:
        found.add(kind, each)
    return found


Parts = Iterable[bytes]
"""A CSV file in parts, each of whole rows."""


def cells(name: str, wanted: Parts, there: IO[bytes]) -> Iterator[str]:
    """The cells of a CSV file that are not what they should be, row by row."""
    rows, own = _rows(wanted), csv.reader(io.TextIOWrapper(there, "utf-8", errors="replace", newline=""))
    head, columns = next(rows, []), next(own, [])
    if head != columns:
        yield f"{name}: its columns are not {', '.join(head)}."
        return
    differ = False
    for number, (right, row) in enumerate(itertools.zip_longest(rows, own), start=1):
        if right == row:
            continue
        differ = True
        if right is None or row is None:
            yield f"{name}, row {number}: it {'was added' if right is None else 'is missing'}."
            continue
        for column, a, b in itertools.zip_longest(head, right, row):
            if a != b:
                yield f"{name}, row {number}, column {column}: it says {b!r}, and the sealed rating {a!r}."
    if not differ:
        yield f"{name}: it is written in another form than the program writes."


def rows_apart(name: str, wanted: Parts, there: IO[bytes], n_unread: int) -> Iterator[str]:
    """The rows that a CSV file lacks, and those that nothing leads to beyond `n_unread`, where that many records can't
    be read, so that nobody knows which row is whose.
    """
    rows, own = _rows(wanted), csv.reader(io.TextIOWrapper(there, "utf-8", errors="replace", newline=""))
    count = Counter(map(tuple, rows))
    count.subtract(map(tuple, own))
    yield from (f"{name}: it lacks the row {', '.join(row)}." for row, n in count.items() for _ in range(n))
    strange = [row for row, n in count.items() for _ in range(-n)]
    if len(strange) > n_unread:
        yield f"{name}: no sealed rating leads to {len(strange):,} of its rows, the first {', '.join(strange[0])}."


def _rows(parts: Parts) -> Iterator[list[str]]:
    return csv.reader(line for part in parts for line in io.StringIO(part.decode(), newline=""))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(place, value) of all that is no list and no mapping in a JSON value; of an empty one as well."""
    if isinstance(value, Mapping | list | tuple) and not value:
        yield path, {} if isinstance(value, Mapping) else []
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from leaves(each, f"{path}[{number}]")
    else:
        yield path, value


def differences(wanted: Any, there: Any) -> Iterator[str]:
    """Where two JSON values differ, numbers compared as decimals of `DIGITS` digits."""
    own, other = dict(leaves(wanted)), dict(leaves(there))
    for place in sorted(set(own) | set(other)):
        if place not in other:
            yield f"{place}: it is missing."
        elif place not in own:
            yield f"{place}: it was added."
        elif _canonical(own[place]) != _canonical(other[place]):
            yield f"{place}: it says {other[place]!r}, and comes out as {own[place]!r}."


def _canonical(value: Any) -> object:
    """Numbers as decimals, whole ones alike whether they are written with a point or not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{float(value):.{DIGITS}g}" if value else "0"
