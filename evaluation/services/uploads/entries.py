"""What an archive lists, checked as a whole before anything of it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from common import limits
from common.text import bad_character, composed, named
from evaluation.errors import InputError

MAX_FILES = 200_000
MAX_TOTAL_BYTES = 64 * 2**30
MAX_RATIO = 100
"""Unpacked to packed size above which an entry is a bomb; images hardly shrink."""
RATIO_FROM_BYTES = 4 * 2**20
"""Entries below this size may shrink as they like: small plain images do."""
MAX_DEPTH = 10
MAX_NAME_CHARACTERS = limits.NAME_IN_ARCHIVE
NAMED = 10


class DamagedEntryError(Exception):
    """An entry can't be unpacked; the message is for people."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file inside. `name`: its path there, with forward slashes. `n_bytes`: unpacked, as declared.

    `place`: where it stands, so that entries can be read in their own order. `is_row`: a row of a Parquet file, which
    is an image whatever its name.
    """

    name: str
    n_bytes: int
    place: int = 0
    is_row: bool = False


def check_entries(read: Iterable[tuple[Entry, str]], label: str) -> list[Entry]:
    """The entries, sorted by name.

    Raises:
        InputError: one of them or all together can't be taken.
    """
    entries: list[Entry] = []
    wrong: list[str] = []
    seen: dict[str, str] = {}
    total = 0
    for entry, problem in read:
        problem = problem or bad_name(entry.name)
        same = seen.setdefault(composed(entry.name).casefold(), entry.name)
        if not problem and same is not entry.name:
            problem = f"differs from {shown_name(same)} only by case or by how its accents are written"
        if problem:
            wrong.append(f"{shown_name(entry.name)} {problem}".strip())
        entries.append(entry)
        total += entry.n_bytes
        if len(entries) > MAX_FILES or total > MAX_TOTAL_BYTES:
            raise InputError(
                f"{label} has more than {MAX_FILES:,} files or {MAX_TOTAL_BYTES // 2**30} GiB. Upload it in parts, as "
                "runs on parts of the suite.",
                field="source",
            )
    if wrong:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise InputError(
            f"{label} was refused and nothing was stored: {'; '.join(wrong[:NAMED])}{more}. "
            "Pack plain image files with plain relative names.",
            field="source",
            details={"entries": wrong[:1000]},
        )
    if not entries:
        raise InputError(f"{label} is empty. Give images in a zip, tar or folder.", field="source")
    return sorted(entries, key=lambda entry: entry.name)


def bad_name(name: str) -> str:
    """Why an entry can't have this name, "" where it can."""
    parts = name.split("/")
    bad = bad_character(name)
    if not name:
        return "an entry has an empty name"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "has an absolute path"
    if ".." in parts or ".." in name.split("\\"):
        return "leaves its folder"
    if "\\" in name:
        return "has a backslash in its name amid names with slashes"
    if bad is not None and "\ud800" <= bad <= "\udfff":
        return "has a name that is not UTF-8"
    if bad is not None:
        return f"has control characters in its name: {named(bad)}"
    if len(parts) > MAX_DEPTH:
        return f"lies more than {MAX_DEPTH} folders deep"
    if len(name) > MAX_NAME_CHARACTERS:
        return f"has a name of more than {MAX_NAME_CHARACTERS} characters"
    return ""


def shown_name(name: str) -> str:
    """A name fit to be printed in a message."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in name)
    return clean if len(clean) <= 80 else clean[:79] + "\N{HORIZONTAL ELLIPSIS}"
