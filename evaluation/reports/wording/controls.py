"""Control trials that a study adds, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.words import counted
from evaluation.analysis.control_rule import POWER

KINDS = {"same": "same set twice", "swapped": "set of another prompt", "repeats": "repeated", "gold": "gold"}
"""What kinds are called, by the parts of a plan."""
RECORDS = {**KINDS, "repeat": KINDS["repeats"], "known": KINDS["gold"]}
"""The same, by the names in results as well."""


def controls_lines(added: Mapping[str, Any]) -> Iterator[str]:
    """What each panel has of them, and what that attains; panels that have the same stand in one line."""
    yield f"Control trials: {added['in_words']}."
    by_counts: dict[str, list[Mapping[str, Any]]] = {}
    for panel in added["panels"]:
        told = ", ".join(f"{panel[name]} {words}" for name, words in KINDS.items() if added["asked"][name])
        by_counts.setdefault(told, []).append(panel)
    for told, panels in by_counts.items():
        first = panels[0]
        where = "" if len(added["panels"]) == 1 else f"{', '.join(each['panel'] for each in panels)}: "
        n = sum(first[name] for name in KINDS)
        line = (
            f"{where}{told}, {counted(n, 'control trial')} a session; of raters who click at random "
            f"{first['power'] * 100:.0f} % are excluded, of honest ones {first['false_exclusion'] * 100:.1f} %"
        )
        if not added["rule"]["exclude"]:
            line = line.replace("are excluded", "fail")
        if any(first[name] < added["asked"][name] for name in KINDS):
            line += "; this panel has images for no more"
        yield line + ("." if first["power"] >= POWER else f"; that is below {POWER * 100:g} %.")
