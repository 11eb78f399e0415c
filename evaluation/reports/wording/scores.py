"""Results of metrics as lines for pages: whatever a plug-in's manifest holds, told without knowing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST = 120
LONGEST = 400
FILES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class FilesTold:
    """Files that a set's score left out or changed. `shown`: (file, why) of the first, of `n`."""

    what: str
    n: int
    shown: list[tuple[str, str]]


def facts(detail: Mapping[str, object], before: str = "") -> list[tuple[str, str]]:
    """(name, value) of all that `detail` holds, nested names joined by a dot; long lists are counted."""
    told: list[tuple[str, str]] = []
    for name, value in detail.items():
        full = f"{before}{name}"
        if isinstance(value, Mapping):
            told += facts(value, f"{full}.") or [(full, "none")]
        elif isinstance(value, list | tuple):
            told.append((full, _listed(value)))
        else:
            told.append((full, _text(value)))
    return told[:MOST]


def files_told(result: Mapping[str, object]) -> list[FilesTold]:
    """What a result says of files that were left out, or whose pixels had to be changed to be RGB."""
    told = []
    for key, what, why in (("skipped", "left out", "why"), ("converted", "changed to be RGB", "how")):
        rows = result.get(key)
        if isinstance(rows, list) and rows:
            shown = [
                (str(row.get("file", "")), str(row.get(why, ""))) for row in rows[:FILES_SHOWN] if isinstance(row, dict)
            ]
            told.append(FilesTold(what, len(rows), shown))
    return told


def figures_text(value: float | None, digits: int = 3) -> str:
    """A number with at most so many significant figures, all before the point in any case; nothing for None.

    `.29374` -> "0.294", `7.5` -> "7.5", `-12345.6` -> "−12,346".
    """
    if value is None:
        return ""
    text = f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"
    return text.replace("-", "\u2212")


def _listed(values: Sequence[object]) -> str:
    if len(values) <= 12 and all(not isinstance(each, Mapping | list) for each in values):
        return ", ".join(map(_text, values)) or "none"
    return f"{len(values):,} entries (in the JSON)"


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)[:LONGEST]
