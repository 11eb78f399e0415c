"""Numbers with their nouns, for everything that people read."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`number` with its noun: `1`, "rater" -> "1 rater"; `1200` -> "1,200 raters".

    `noun`: in the singular; an irregular plural stands after a comma: "study,studies".
    """
    singular, _, plural = noun.partition(",")
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def listed(names: list[str] | tuple[str, ...], *, most: int = 10) -> str:
    """Names with commas between, the first `most` of them: "a, b and 3 more"."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
