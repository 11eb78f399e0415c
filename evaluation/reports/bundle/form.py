"""What a record and a link are made of, and what is wrong with a line that claims to be one."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from common.limits import BIG_COLUMN

Form: TypeAlias = tuple[str, Callable[[Any], bool]]
"""What a value must be, in words, and whether one is."""

UTC_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= BIG_COLUMN


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_text, value))


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str) or not UTC_MOMENT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _or_null(form: Form) -> Form:
    return f"{form[0]}, or null", lambda value: value is None or form[1](value)


def _list_of(words: str, one: Callable[[Any], bool]) -> Form:
    return f"a list of {words}", lambda value: isinstance(value, list) and all(map(one, value))


TEXT: Form = "text", _is_text
WHOLE: Form = "a whole number from 0", _is_whole
TRUTH: Form = "true or false", lambda value: isinstance(value, bool)
MOMENT: Form = "a moment such as 2026-01-31T09:30:00.000000Z", _is_moment
OBJECT: Form = "an object", lambda value: isinstance(value, dict)
TEXTS, WHOLES, PAIRS = _list_of("texts", _is_text), _list_of("whole numbers", _is_whole), _list_of("pairs", _is_pair)
ANYTHING: Form = "a value", lambda _: True

RECORD: Mapping[str, Form] = {
    "rater": TEXT,
    "panel": TEXT,
    "simulated": TRUTH,
    "prompt": WHOLE,
    "category": TEXT,
    "generators": TEXTS,
    "order": WHOLES,
    "position": WHOLE,
    "repetition": WHOLE,
    "control": TEXT,
    "expected": OBJECT,
    "question": TEXT,
    "choice": _or_null(TEXT),
    "value": ANYTHING,
    "response_time_ms": _or_null(WHOLE),
    "at": MOMENT,
    "evidence": _or_null(WHOLE),
    "shown_width": _or_null(WHOLE),
    "shown_device_width": _or_null(WHOLE),
    "theme": _or_null(TEXT),
}
"""What a record has. `rater`: a tag that leads to no participant. `prompt`: its number. `generators`: what the trial
compared, in the study's order; `order`: their places from the left. `control`, `expected`: of a control trial its kind
and right answers. `choice`, `value`: the answer as shown, one of them None. `at`: when it was saved, in UTC.
The rest says how the images stood and what the page noted, None where no browser told. What describes raters is in no
record."""
ROW: Mapping[str, Form] = {"commitment": TEXT, "salt": TEXT, "record": OBJECT}
"""What a line of records.jsonl has."""
LINK: Mapping[str, Form] = {"body": OBJECT, "head": TEXT, "public_key": TEXT, "signature": TEXT}
"""What a line of chain.jsonl has."""
TOLD: Mapping[str, Form] = {"locked": OBJECT, "commitments": TEXTS, "retracted": PAIRS, "deleted": TEXTS}
"""What the body of a link may tell."""


def row_faults(row: object) -> list[str]:
    """What keeps a value from being a line of records.jsonl, a sentence without its point each; empty where nothing
    does.
    """
    found = list(_faults(row, ROW))
    record = row.get("record") if isinstance(row, dict) else None
    if isinstance(record, dict):
        found += _faults(record, RECORD)
        if not found and (sorted(record["order"]) != list(range(len(record["generators"]))) or not record["order"]):
            found.append(f"order is {reprlib.repr(record['order'])}, and must name the place of each generator once")
    return found


def link_faults(link: object) -> list[str]:
    """The same of a line of chain.jsonl."""
    found = list(_faults(link, LINK))
    body = link.get("body") if isinstance(link, dict) else None
    if isinstance(body, dict):
        found += _faults({name: body[name] for name in TOLD if name in body}, TOLD, lacking=False)
    return found


def _faults(value: object, fields: Mapping[str, Form], *, lacking: bool = True) -> Iterator[str]:
    """What keeps a value from being an object with these fields. `lacking`: whether each must be there."""
    if not isinstance(value, dict):
        yield f"it is {reprlib.repr(value)}, and must be an object"
        return
    if value.keys() != fields.keys():
        yield from (f"it lacks {name}" for name in fields if lacking and name not in value)
        yield from (f"it has {reprlib.repr(name)}, which is no field" for name in value if name not in fields)
    for name, (words, fits) in fields.items():
        if name in value and not fits(value[name]):
            yield f"{name} is {reprlib.repr(value[name])}, and must be {words}"
