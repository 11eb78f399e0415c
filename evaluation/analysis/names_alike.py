"""Names that are nearly the same: what a spreadsheet's blank, a capital letter or another Unicode form makes of one id.

They stay different names, since nobody but the researcher knows whether they are one; each group is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from common.tables import plain_heading
from common.text import look
from common.words import counted, nearest_name

COLUMNS = ("rater_id", "prompt_id", "category", "generator_a", "generator", "question")
"""The columns of names; both generators of a pair share theirs."""
LOST = frozenset({"nan", "na", "n/a", "null", "none", "<na>", "#n/a"})
"""What programs write for a value that they lost, and what may be a name all the same."""
NAMED, LISTED = 3, 20
"""Groups, and ignored columns, that a note names."""


def twins(valid: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for each column with names that are nearly the same, or that look like a lost value.

    ``valid``: a frame with categorical columns of names.
    """
    found = []
    for column in COLUMNS:
        if column in valid and isinstance(valid[column].dtype, pd.CategoricalDtype):
            names = [str(each) for each in valid[column].cat.categories]
            noun = "generator" if column == "generator_a" else column
            found += _alike(noun, names) + _lost(noun, names)
    return tuple(found)


def _alike(column: str, names: Sequence[str]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(look(name).casefold(), []).append(name)
    several = [group for group in groups.values() if len(group) > 1]
    if not several:
        return []
    said = "; ".join(" and ".join(repr(each) for each in group) for group in several[:NAMED])
    more = f"; and {len(several) - NAMED} more" if len(several) > NAMED else ""
    groups_said = f"{column}: {counted(len(several), 'group')} of names"
    which = f"differ only in blanks or capitals and count as different ({said}{more})"
    return [f"{groups_said} {which}. Write each in one way if they are the same."]


def _lost(column: str, names: Sequence[str]) -> list[str]:
    lost = [name for name in names if name.strip().lower() in LOST]
    if not lost:
        return []
    said = ", ".join(repr(each) for each in lost)
    return [f"{column}: {said} counts as a name. If a program wrote it for a value that it lost, mend the file."]


def ignored_words(ignored: Sequence[str], known: Mapping[str, object] | Sequence[str]) -> str:
    """Columns that are ignored, with the name of ours that is near, where one is."""
    names = {each.replace("_", " "): each for each in known}
    said = []
    for each in ignored[:LISTED]:
        near = nearest_name(plain_heading(each), names)
        said.append(f"{each} (meant as {names[near]}?)" if near else each)
    more = f" and {len(ignored) - LISTED} more" if len(ignored) > LISTED else ""
    return ", ".join(said) + more
