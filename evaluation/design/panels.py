"""Panels: which place of which panel the next rater takes."""

from __future__ import annotations

from collections.abc import Mapping, Set


def next_place(places: Mapping[str, int], taken: Mapping[str, Set[int]]) -> tuple[str, int] | None:
    """The panel and slot for the next rater: the panel with the fewest raters, and in it the lowest free slot.

    Args:
        places: how many raters each panel is to have; among equally filled panels the first in this order is next.
        taken: the slots of each panel that are taken.

    Returns:
        None when every place is taken.
    """
    open_panels = [panel for panel, wanted in places.items() if len(taken.get(panel, ())) < wanted]
    if not open_panels:
        return None
    panel = min(open_panels, key=lambda name: len(taken.get(name, ())))
    used = taken.get(panel, frozenset())
    return panel, next(slot for slot in range(places[panel]) if slot not in used)
