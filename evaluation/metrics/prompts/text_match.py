"""How much of a wanted text stands in what was read from an image: pure.

Compared are letters and digits alone, without blanks, case, accents of compatibility forms or punctuation: readers drop
and add those. Letters that have one shape in many typefaces count as one: I, l, 1 and |; O and 0.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ONE_SHAPE = str.maketrans({"i": "l", "1": "l", "|": "l", "ı": "l", "0": "o"})

MOST_LINES_REORDERED = 4
"""Up to so many lines every order is tried: which of two signs is read first says nothing."""

LONGEST_READ = 2_000
"""Characters of what was read that are looked through; an image holds less."""


@dataclass(frozen=True, slots=True)
class TextMatch:
    """How one wanted text was found.

    `accuracy`: 1 - edits / letters of the best place, 0 to 1. `exact`: it stands there as whole words, letter for
    letter. `place`: what was read at that place.
    """

    wanted: str
    accuracy: float
    exact: bool
    place: str


def match_text(wanted: str, lines: Sequence[str]) -> TextMatch:
    """The best place of `wanted` in the `lines` read from an image, in reading order.

    >>> match_text("Open daily", ["WELCOME", "OPEN DAlLY"])
    TextMatch(wanted='Open daily', accuracy=1.0, exact=True, place='OPENDAlLY')
    """
    target = fold(wanted)
    if not target:
        return TextMatch(wanted, 0.0, False, "")
    best = TextMatch(wanted, 0.0, False, "")
    for order in _orders(lines):
        tokens = [token for line in order for token in line.split()]
        exact = _whole_words(target, [fold(token) for token in tokens])
        raw, folded = _with_places("".join(tokens)[:LONGEST_READ])
        edits, start, stop = _best_place(target, folded)
        accuracy = max(0.0, 1 - edits / len(target))
        place = raw[start] if stop == start + 1 else "".join(raw[start:stop])
        found = TextMatch(wanted, 1.0 if exact else accuracy, exact, place if accuracy > 0 else "")
        if (found.exact, found.accuracy) > (best.exact, best.accuracy):
            best = found
    return best


def fold(text: str) -> str:
    """`text` as it is compared; one without letters and digits keeps its other signs.

    >>> fold("It's 10!"), fold("?!")
    ('ltslo', '?!')
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(ONE_SHAPE)
    kept = "".join(letter for letter in plain if letter.isalnum())
    return kept or "".join(plain.split())


_QUOTED = re.compile(r"\"([^\"]*)\"|“([^”]*)”|«([^»]*)»|(?<!\w)['‘]([^'‘’]+(?:['’]\w+[^'‘’]*)*)['’](?!\w)")


def quoted(prompt: str) -> tuple[str, ...]:
    """The texts that stand in quotation marks in a prompt, each once.

    >>> quoted("A storefront with 'Deep Learning' written on it, and \\"Don't\\"")
    ('Deep Learning', "Don't")
    """
    found = (next((group for group in match.groups() if group), "") for match in _QUOTED.finditer(prompt))
    return tuple(dict.fromkeys(text.strip() for text in found if fold(text)))


def _orders(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    if len(lines) <= MOST_LINES_REORDERED:
        yield from itertools.permutations(lines)
    else:
        yield lines


def _whole_words(target: str, tokens: Sequence[str]) -> bool:
    """Whether some run of whole tokens is the target."""
    for start in range(len(tokens)):
        joined = ""
        for token in tokens[start:]:
            joined += token
            if joined == target:
                return True
            if not target.startswith(joined):
                break
    return False


def _with_places(text: str) -> tuple[list[str], str]:
    """What `fold` keeps of `text`, and for each letter of it the part of `text` that it came from."""
    raw, folded = [], ""
    for letter in text:
        made = "".join(
            part for part in unicodedata.normalize("NFKC", letter).casefold().translate(ONE_SHAPE) if part.isalnum()
        )
        folded += made
        raw += [letter] + [""] * (len(made) - 1) if made else []
    return raw, folded


def _best_place(target: str, text: str) -> tuple[int, int, int]:
    """(edits, start, stop) of the part of `text` nearest to `target`, by Levenshtein's distance (Sellers 1980)."""
    edits, starts = list(range(len(target) + 1)), [0] * (len(target) + 1)
    best = (len(target), 0, 0)
    for stop, letter in enumerate(text, start=1):
        before, before_start = edits[0], starts[0]
        starts[0] = stop
        for i, wanted in enumerate(target, start=1):
            here, here_start = edits[i], starts[i]
            cost, start = min(
                (before + (letter != wanted), before_start), (here + 1, here_start), (edits[i - 1] + 1, starts[i - 1]),
                key=lambda option: option[0],
            )  # fmt: skip
            before, before_start = here, here_start
            edits[i], starts[i] = cost, start
        if edits[-1] < best[0]:
            best = (edits[-1], starts[-1], stop)
    return best
