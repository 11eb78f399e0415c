"""Names and words: the nearest known name, a prompt's name, numbers with their nouns."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to `name`, or None where none is close."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return matches[0] if matches else None


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the known name closest to `name`, or an empty string."""
    match = nearest_name(name, known)
    return f'; did you mean "{match}"?' if match is not None else ""


def prompt_name(number: int) -> str:
    """A prompt's name: its number in its suite, from 0, in five digits or more ("00012"). Its images' folder too."""
    return f"{number:05d}"


def counted(number: int, noun: str) -> str:
    """`number` with its noun: `1`, "rater" -> "1 rater"; `1200` -> "1,200 raters".

    `noun`: in the singular; an irregular plural stands after a comma: "study,studies".
    """
    singular, _, plural = noun.partition(",")
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def duration(seconds: float) -> str:
    """`95` -> "2 min"; two units at most, none smaller than needed."""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    minutes = (whole + 30) // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(hours / 24)} days"
