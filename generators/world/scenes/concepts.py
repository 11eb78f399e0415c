"""The things that scenes are made of: names, drawings and definitions, read from `concepts.csv`."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

TABLE = Path(__file__).with_name("concepts.csv")

KINDS = (
    "animal", "board", "building", "food", "furniture", "instrument", "nature", "person", "shape", "thing", "vehicle",
    "vessel", "wearable",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing.

    `name`: canonical, a singular noun in lower case. `names`: what else it is commonly called. `rare`: words that few
    people use for it. `plural`: of `name`, where it is irregular, else "". `weight`: how often scenes hold it, 1 to 4,
    by what the suites ask for. `drawings`: (source, file or icon), the source one of `sprites.SOURCES`. `gloss`: a
    definition that does not name it; `gloss_source`: `own` or `wordnet-3.0:<offset>`.
    """

    name: str
    names: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()
    plural: str = ""
    kind: str = "thing"
    weight: int = 1
    drawings: tuple[tuple[str, str], ...] = ()
    gloss: str = ""
    gloss_source: str = ""


def read_concepts(path: Path = TABLE) -> dict[str, Concept]:
    """The table, by name, in its order.

    Raises:
        ValueError: a name stands twice, a kind is unknown or a weight is not 1 to 4; the line is named.
    """
    table: dict[str, Concept] = {}
    with path.open(newline="", encoding="utf-8") as held:
        for line, row in enumerate(csv.DictReader(held), start=2):
            if row["name"] in table:
                raise ValueError(f"{path.name}, line {line}: {row['name']!r} stands there twice")
            if row["kind"] not in KINDS:
                raise ValueError(f"{path.name}, line {line}: kind {row['kind']!r}; it is one of: {', '.join(KINDS)}")
            if row["weight"] not in ("1", "2", "3", "4"):
                raise ValueError(
                    f"{path.name}, line {line}: weight {row['weight']!r}; it is a whole number from 1 to 4"
                )
            table[row["name"]] = Concept(
                name=row["name"],
                names=_several(row["names"]),
                rare=_several(row["rare"]),
                plural=row["plural"],
                kind=row["kind"],
                weight=int(row["weight"]),
                drawings=tuple(
                    (source, name)
                    for source in ("noto", "fluent", "openclipart", "own")
                    for name in _several(row.get(source, ""))
                ),
                gloss=row["gloss"],
                gloss_source=row["gloss_source"],
            )
    return table


def _several(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)


CONCEPTS: Mapping[str, Concept] = read_concepts()


@lru_cache(maxsize=4096)
def concept(name: str) -> Concept:
    """The concept of that name; a bare one for a name beyond the table, so that other sprites can be drawn too."""
    return CONCEPTS.get(name) or Concept(name)
