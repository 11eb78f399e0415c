"""Records of ratings, as they are sealed, and the files that follow from them: a second road to ratings.csv and
answers.csv, without the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from common.words import prompt_name
from evaluation import protocols
from evaluation.protocols.kinds import Choice, Kind, value_text
from evaluation.suites.types import NO_CATEGORY

Record = Mapping[str, Any]

PREFERENCES = (
    *("rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice", "response_time_ms"),
    *("position", "a_shown_left", "control", "control_answer", "simulated", "panel", "rated_at"),
)
OTHERS = (
    *("rater_id", "prompt_id", "category", "question", "kind", "shown", "value", "repetition", "response_time_ms"),
    *("position", "control", "control_answer", "simulated", "panel", "rated_at"),
)
SEEN = ("shown_width", "shown_device_width", "theme")
NOTED = {"times_away": 16, "clicks": 8, "keys": 0}
"""The columns of ratings.csv and of answers.csv; `SEEN` and `NOTED` only where any browser told them. `NOTED`: with
the bits at which each stands in a record's `evidence`."""


def rater_tag(key: str) -> str:
    """What records call the rater with this key."""
    return hashlib.sha256(f"sealed rater:{key}".encode()).hexdigest()[:24]


def pseudonym(tag: str, export_key: str) -> str:
    """What one bundle's files call a rater: another bundle has another key, and other names."""
    return hashlib.sha256(f"{export_key}:{tag}".encode()).hexdigest()[:12]


def files_of(
    records: Iterable[Record], specification: Mapping[str, Any], export_key: str
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The frames of ratings.csv and of answers.csv that standing `records` make, in the order of the records; None in
    place of the second where the protocol has no such answers.
    """
    protocol = protocols.read(specification["protocol"])
    more = [*SEEN, *NOTED, *(["control_kind"] if "added" in specification.get("controls", {}) else [])]
    kinds = {each.id: each.answers for each in protocol.questions}
    pairs, others = _Columns([*PREFERENCES, "repetition", *more]), _Columns([*OTHERS, *more])
    again = False
    for record in records:
        question = str(record["question"])
        kind = kinds.get(question.partition(":")[0])
        if kind is None:
            continue
        head = _head(record, export_key)
        if _is_preference(kind) and len(record["generators"]) == 2:
            pairs.append(_preference(record, head))
            again = again or bool(record["repetition"])
        if _has_more(kind):
            others.append(_other(record, head, kind))
    answers = _typed(others.frame()) if any(map(_has_more, kinds.values())) else None
    ratings = pairs.frame()
    return _typed(ratings if again else ratings.drop(columns="repetition")), answers


class _Columns:
    """Rows gathered as columns: a million of them are a million numbers and names each, not a million tables."""

    def __init__(self, names: Sequence[str]) -> None:
        self._columns: dict[str, list[object]] = {name: [] for name in names}
        self._texts: dict[str, str] = {}

    def append(self, row: Mapping[str, object]) -> None:
        """Add a row; texts that were there before are kept once. Moments never were."""
        for name, column in self._columns.items():
            value = row[name]
            known = isinstance(value, str) and name != "rated_at"
            column.append(self._texts.setdefault(str(value), str(value)) if known else value)

    def frame(self) -> pd.DataFrame:
        """All rows, in their order."""
        return pd.DataFrame(self._columns)


def _is_preference(kind: Kind) -> bool:
    return isinstance(kind, Choice) and kind.preference


def _has_more(kind: Kind) -> bool:
    """Whether answers of this kind say more than a ratings file holds."""
    return not _is_preference(kind) or "both_bad" in kind.ids  # type: ignore[attr-defined]


def _head(record: Record, export_key: str) -> dict[str, object]:
    return {
        "rater_id": pseudonym(str(record["rater"]), export_key),
        "prompt_id": prompt_name(record["prompt"]),
        "category": record["category"] or NO_CATEGORY,
        "question": record["question"],
        "response_time_ms": record["response_time_ms"],
        "position": record["position"],
        "repetition": record["repetition"],
        "control": record["control"] not in ("", "repeat"),
        "simulated": record["simulated"],
        "panel": record["panel"],
        "rated_at": record["at"],
        **{name: record[name] for name in SEEN},
        **{name: _noted(record["evidence"], shift) for name, shift in NOTED.items()},
        "control_kind": record["control"] if record["control"] != "repeat" else "",
    }


def _preference(record: Record, head: Mapping[str, object]) -> dict[str, object]:
    """Sides undone; "both bad" counts as indifferent."""
    a, b = record["generators"]
    a_left = record["order"][0] == 0
    chosen = {"left": "a" if a_left else "b", "right": "b" if a_left else "a"}.get(record["choice"], "indifferent")
    right = record["expected"].get(record["question"], "")
    more = {"generator_a": a, "generator_b": b, "choice": chosen, "a_shown_left": a_left}
    return {**head, **more, "control_answer": "indifferent" if right == "both_bad" else right}


def _other(record: Record, head: Mapping[str, object], kind: Kind) -> dict[str, object]:
    order: Sequence[int] = record["order"]
    right = record["expected"].get(record["question"])
    if right in ("a", "b") and _is_preference(kind):
        right = "left" if (right == "a") == (order[0] == 0) else "right"
    return {
        **head,
        "kind": kind.name,
        "shown": value_text([record["generators"][place] for place in order]),
        "value": value_text(record["value"] if record["choice"] is None else record["choice"]),
        "control_answer": value_text(right) if record["question"] in record["expected"] else "",
    }


def _noted(evidence: int | None, shift: int) -> int | None:
    return None if evidence is None else evidence // 2**shift % 256


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    if frame[list(SEEN)].isna().all(axis=None):
        frame = frame.drop(columns=list(SEEN))
    else:
        frame["theme"] = frame["theme"].astype(object).where(frame["theme"].notna(), "")
    if frame[list(NOTED)].isna().all(axis=None):
        frame = frame.drop(columns=list(NOTED))
    for name in ("repetition", "response_time_ms", "position", "shown_width", "shown_device_width", *NOTED):
        if name in frame:
            frame[name] = frame[name].astype("Int64")
    for name in ("control", "simulated", "a_shown_left"):
        if name in frame:
            frame[name] = frame[name].astype(bool)
    frame["rated_at"] = pd.to_datetime(frame["rated_at"], utc=True, format="ISO8601")
    return frame
