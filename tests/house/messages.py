"""The texts of the raters' pages and their catalogues. `python -m tests.house.messages` brings the catalogues in line
with the texts: new ones come without a translation, those that are gone go, and the compiled files are made anew.

Django reads the compiled files (`.mo`), which are committed, so that nobody needs gettext's tools.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LOCALE = CHECKOUT / "evaluation" / "locale"
TEMPLATES = CHECKOUT / "templates" / "rater"
SOURCES = (CHECKOUT / "evaluation" / "views" / "rater", CHECKOUT / "evaluation" / "services" / "rating")
KEYWORDS = {**DEFAULT_KEYWORDS, "gettext_noop": None}
PLURALS = {
    "fr": (2, "(n > 1)"),
    "de": (2, "(n != 1)"),
    "ru": (3, "(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2)"),
}
"""How many forms a text with a number has, and which one a number takes."""
LANGUAGES = tuple(PLURALS)

HEADERS = ("POT-Creation-Date", "PO-Revision-Date", "Generated-By", "Last-Translator", "Language-Team")
OF_NO_USE = re.compile(rf'^"({"|".join(HEADERS)}|Report-Msgid-Bugs-To|Project-Id-Version):.*\n', re.M)
"""Lines of a catalogue's head that change by themselves."""
ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)
"""What compiled files say of when they were made: the same texts give the same bytes."""

MessageId: TypeAlias = tuple[str | None, str | tuple[str, ...]]
"""A text's context and the text itself, or its forms with a number."""


def extracted() -> dict[MessageId, str]:
    """Every text that is marked, and the file that has it first."""
    found: dict[MessageId, str] = {}
    for path in sources():
        for message in _of(path):
            found.setdefault(message, str(path.relative_to(CHECKOUT)))
    return found


def sources() -> list[Path]:
    """The programs and templates with texts for raters."""
    return [*sorted(TEMPLATES.glob("*.html")), *(each for folder in SOURCES for each in sorted(folder.glob("*.py")))]


def _of(path: Path) -> Iterator[MessageId]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":  # as Django's own makemessages: calls of gettext, all else blotted out
        text = re.sub(r"(?m)^\s+", "", templatize(text, origin=str(path)))
    data = io.BytesIO(f"# -*- coding: utf-8 -*-\n{text}".encode())
    for _, message, _, context in extract("python", data, keywords=KEYWORDS):
        yield context, message if isinstance(message, str) else tuple(each for each in message if isinstance(each, str))


def catalogue(language: str) -> Catalog:
    """The translations into a language."""
    path = LOCALE / language / "LC_MESSAGES" / "django.po"
    with path.open("rb") as file:
        return read_po(file, locale=language, domain="django")


def empty(language: str) -> Catalog:
    """A catalogue without texts."""
    found = Catalog(locale=language, domain="django", fuzzy=False, header_comment="# Texts of the raters' pages.")
    found._num_plurals, found._plural_expr = PLURALS[language]  # Babel's own have forms for millions
    return found


def compiled(found: Catalog) -> bytes:
    """A catalogue as Django reads it."""
    found.creation_date = found.revision_date = ANY_DAY
    out = io.BytesIO()
    write_mo(out, found)
    return out.getvalue()


def write(language: str) -> None:
    """Bring a language's catalogue in line with the texts, and compile it."""
    folder = LOCALE / language / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "django.po"
    before = catalogue(language) if path.exists() else empty(language)
    now = empty(language)
    for (context, message), place in extracted().items():
        known = before.get(message if isinstance(message, str) else message[0], context)
        now.add(message, known.string if known is not None else None, locations=[(place, None)], context=context)
    with path.open("wb") as file:
        write_po(file, now, width=120, sort_by_file=True, ignore_obsolete=True, omit_header=False, include_lineno=False)
    text = path.read_text(encoding="utf-8")
    path.write_text(OF_NO_USE.sub("", text), encoding="utf-8")
    (folder / "django.mo").write_bytes(compiled(catalogue(language)))


if __name__ == "__main__":
    for each in LANGUAGES:
        write(each)
