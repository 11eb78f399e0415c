"""The one gate for text that comes in: which characters may stand in it, its one form, and what looks alike.

`checked` is the gate itself; `composed` the form (Unicode's NFC); `look` what two texts share that nobody can tell
apart; `cleaned` and `storable` make what programs said fit to be kept, which is never refused.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Literal

from common.errors import UserError

Fault = Literal["empty", "long", "character"]

_LINES = frozenset("\t\n\r")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e")
"""Embeddings and overrides: they make a line read otherwise than it is written, and Unicode advises isolates instead
(UAX #9, section 2). Isolates (U+2066 to U+2069) may stand in pairs."""
_ISOLATES = frozenset("\u2066\u2067\u2068")
_ISOLATE_ENDS = "\u2069"
FIRST_STRONG_ISOLATE = "\u2068"
"""Begins a part of a line whose own first letter says its direction."""

_NAMES = {
    "\x00": "NUL",
    "\t": "a tabulator",
    "\n": "a line end",
    "\r": "a line end",
    "\x1b": "ESCAPE",
    "\x7f": "DELETE",
}

_UNSEEN = frozenset(
    (0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFEFF, 0xFFA0)
    + (*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070))
    + (*range(0xFE00, 0xFE10), *range(0xFFF9, 0xFFFC), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B))
)
"""Code points that show nothing (Unicode's Default_Ignorable_Code_Point below U+E0000, and the blank Braille cell)."""
_PLANE_UNSEEN = range(0xE0000, 0xE1000)
"""Tag characters and variation selectors; tags count after a black flag alone, where they say which country's it is."""
_FLAG = "\U0001f3f4"
_JOINERS = frozenset("\u200c\u200d")
_SAME_SIGN = {0x2010: "-", 0x2011: "-", 0x212B: "\u00c5", 0x2126: "\u03a9", 0x212A: "K"}


class TextError(UserError):
    """Text that can't be taken. `fault`: what is wrong; `character`: the one that may not stand in it, else ""."""

    def __init__(self, message: str, fault: Fault, character: str = "") -> None:
        super().__init__(message)
        self.fault = fault
        self.character = character


def composed(text: str) -> str:
    """`text` in Unicode's composed form (NFC), the one form in which the platform keeps and compares text."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def bad_character(text: str, *, lines: bool = False) -> str | None:
    """The first character of `text` that may stand in no text, None where all may.

    Refused are control characters (NUL among them), half characters (lone surrogates), embeddings and overrides of the
    direction of writing, isolates of it that are not closed, and code points that are no characters. Joiners (U+200C,
    U+200D) stay: scripts and emoji need them. `lines`: whether tabulators and line ends may stand in it.
    """
    if text.isprintable():  # the usual case, answered in C: nothing of what is refused is printable
        return None
    opened: list[str] = []
    for character in text:
        if character in _ISOLATES:
            opened.append(character)
        elif character == _ISOLATE_ENDS:
            if not opened:
                return character
            opened.pop()
        elif character in _LINES:
            if not lines:
                return character
        elif character in _BIDI or _no_character(character) or character in "\u2028\u2029" and not lines:
            return character
    return opened[0] if opened else None


def _no_character(character: str) -> bool:
    code = ord(character)
    return unicodedata.category(character) in ("Cc", "Cs") or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def named(character: str) -> str:
    """A character for people: "U+202E (RIGHT-TO-LEFT OVERRIDE)"."""
    code = f"U+{ord(character):04X}"
    if "\ud800" <= character <= "\udfff":
        return f"{code} (half a character)"
    name = _NAMES.get(character) or unicodedata.name(character, "")
    return f"{code} ({name or 'a control character'})"


def checked(text: str, what: str, *, most: int, lines: bool = False, empty: bool = True) -> str:
    """`text` composed, without white space at its ends, if it can be taken; this is the gate.

    `what`: how the message calls it ("the title"). `most`: characters it may have. `lines`: whether it may have several
    lines. `empty`: whether it may be empty (or show nothing).

    Raises:
        TextError: too long, a character that may not stand in it, or empty.
    """
    text = composed(text.strip())
    if len(text) > most:
        raise TextError(f"{_capital(what)} has {len(text):,} characters; at most {most:,} are allowed.", "long")
    bad = bad_character(text, lines=lines)
    if bad is not None:
        raise TextError(refusal(what, bad), "character", bad)
    if not empty and not look(text):
        raise TextError(f"{_capital(what)} is empty. Write something there.", "empty")
    return text


def refusal(what: str, character: str) -> str:
    """The sentence that refuses a character in `what`."""
    return f"{_capital(what)} contains {named(character)}, which can't be kept or shown as text. Remove it."


def _capital(what: str) -> str:
    return what[:1].upper() + what[1:]


def look(text: str) -> str:
    """What of `text` can be seen: equal for two texts that nobody can tell apart.

    Composed, white space folded, without characters that show nothing (zero-width blanks, soft hyphens, tags, variation
    selectors, marks of direction). Joiners count where they change what is shown: after a virama, between Arabic
    letters (RFC 5892, appendix A.1 and A.2), and between emoji.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = "".join(_seen(text))
    return composed(" ".join(unicodedata.normalize("NFC", kept).translate(_SAME_SIGN).split()))


def _seen(text: str) -> Iterator[str]:
    before, in_flag = "", False
    for at, character in enumerate(text):
        code = ord(character)
        if code in _PLANE_UNSEEN:
            if in_flag:
                yield character
            continue
        if character in _JOINERS:
            if _joins(before, text[at + 1 : at + 2]):
                yield character
        elif code not in _UNSEEN or character in "\u2028\u2029":
            before, in_flag = character, character == _FLAG
            yield character


def _joins(before: str, after: str) -> bool:
    """Whether a joiner between two characters changes what is shown."""
    if not before or not after:
        return False
    if unicodedata.combining(before) == 9 or unicodedata.combining(after) == 9:  # a virama
        return True
    if unicodedata.bidirectional(before) in ("AL", "NSM") and unicodedata.bidirectional(after) == "AL":
        return True
    return unicodedata.category(before) in ("So", "Sk") and unicodedata.category(after) in ("So", "Sm")


def cleaned(text: str, most: int) -> str:
    """What a program said, fit to be kept: characters that may stand in no text are replaced, the rest cut off.

    For messages of generators, metrics and other programs, which nobody can be asked to write anew.
    """
    text = text[: 2 * most + 100]
    while (bad := bad_character(text, lines=True)) is not None:
        text = text.replace(bad, "\ufffd")
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def storable(value: object) -> object:
    """`value` (made of JSON's kinds) as PostgreSQL can keep it: texts, names among them, without characters that no
    text may have; NaN and Infinity as their names.
    """
    if isinstance(value, str):
        return cleaned(value, len(value) + 1)
    if isinstance(value, Mapping):
        return {str(storable(str(key))): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def is_rightwards(text: str) -> bool:
    """Whether `text` has a letter of a script that is written from right to left, such as Arabic or Hebrew."""
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def isolated(name: str) -> str:
    """`name` as it stands within a line of another direction: in isolates (UAX #9) where it is written from right to
    left, so that the numbers and signs beside it keep their places; any other name as it is.
    """
    if name.startswith(FIRST_STRONG_ISOLATE) or not is_rightwards(name):
        return name
    return f"{FIRST_STRONG_ISOLATE}{name}{_ISOLATE_ENDS}"
