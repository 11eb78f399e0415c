"""Whom the declared screening left out, in one line for a terminal."""

from __future__ import annotations

from common.words import counted
from evaluation.analysis.screening import Screening
from evaluation.analysis.signs import Signs


def screening_line(screening: Screening | None, signs: Signs | None, *, applied: bool) -> str:
    """`applied`: whether those who are to be excluded were left out. Empty where the study declares nothing."""
    by_controls = screening.dropped if screening else frozenset()
    by_signs = signs.excluded if signs else frozenset()
    if screening is None and not (signs and signs.rules.exclude):
        return ""
    told, rule = [], ""
    if screening is not None:
        told.append(f"{len(by_controls)} by control trials")
        rule = f" The rule of control trials: {screening.rule}."
    if signs is not None and signs.rules.exclude:
        told.append(f"{len(by_signs)} by signs ({', '.join(signs.rules.exclude)})")
    n = len(by_controls | by_signs)
    done = "left out" if applied else "to be left out, and kept here"
    end = " --all-raters keeps them." if applied and n else ""
    return f"Screening: {counted(n, 'rater')} {done}: {', '.join(told)}.{end}{rule}"
