"""Records of ratings, as they are sealed, and the files that follow from them: a second road to ratings.csv and
answers.csv, without the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from common.words import prompt_name
from evaluation.protocols import Protocol
from evaluation.protocols.kinds import Choice, Kind, value_text
from evaluation.suites.types import NO_CATEGORY

Record = Mapping[str, Any]

FIELDS = (
    *("rater", "panel", "simulated", "prompt", "category", "generators", "order", "position", "repetition"),
    *("control", "expected", "question", "choice", "value", "response_time_ms", "at"),
    *("shown_width", "shown_device_width", "theme"),
)
"""What a record has. `rater`: a tag that leads to no participant. `prompt`: its number. `generators`: what the trial
compared, in the study's order; `order`: their places from the left. `control`, `expected`: of a control trial its kind
and right answers. `choice`, `value`: the answer as shown, one of them None. `at`: when it was saved, in UTC.
The rest says how the images stood, None where no browser told. What describes raters is in no record."""

PREFERENCES = (
    *("rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice", "response_time_ms"),
    *("position", "a_shown_left", "control", "control_answer", "simulated", "panel", "rated_at"),
)
OTHERS = (
    *("rater_id", "prompt_id", "category", "question", "kind", "shown", "value", "repetition", "response_time_ms"),
    *("position", "control", "control_answer", "simulated", "panel", "rated_at"),
)
SEEN = ("shown_width", "shown_device_width", "theme")
"""The columns of ratings.csv and of answers.csv; `SEEN` only where any browser told them."""


def rater_tag(key: str) -> str:
    """What records call the rater with this key."""
    return hashlib.sha256(f"sealed rater:{key}".encode()).hexdigest()[:24]


def pseudonym(tag: str, export_key: str) -> str:
    """What one bundle's files call a rater: another bundle has another key, and other names."""
    return hashlib.sha256(f"{export_key}:{tag}".encode()).hexdigest()[:12]


def files_of(
    records: Iterable[Record], protocol: Protocol, export_key: str
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The frames of ratings.csv and of answers.csv that standing `records` make, in the order of the records; None in
    place of the second where the protocol has no such answers.
    """
    kinds = {each.id: each.answers for each in protocol.questions}
    pairs, others = [], []
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
    columns = (*PREFERENCES, "repetition") if again else PREFERENCES
    answers = _typed(pd.DataFrame(others, columns=[*OTHERS, *SEEN])) if any(map(_has_more, kinds.values())) else None
    return _typed(pd.DataFrame(pairs, columns=[*columns, *SEEN])), answers


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
        "control": bool(record["control"]),
        "simulated": record["simulated"],
        "panel": record["panel"],
        "rated_at": record["at"],
        **{name: record[name] for name in SEEN},
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


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    if frame[list(SEEN)].isna().all(axis=None):
        frame = frame.drop(columns=list(SEEN))
    else:
        frame["theme"] = frame["theme"].astype(object).where(frame["theme"].notna(), "")
    for name in ("repetition", "response_time_ms", "position", "shown_width", "shown_device_width"):
        if name in frame:
            frame[name] = frame[name].astype("Int64")
    for name in ("control", "simulated", "a_shown_left"):
        if name in frame:
            frame[name] = frame[name].astype(bool)
    frame["rated_at"] = pd.to_datetime(frame["rated_at"], utc=True, format="ISO8601")
    return frame
