"""A protocol in one line, for menus and lists: what a trial shows, what is asked, how many people see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from common.words import counted
from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Choice, Kind, Ranking

_NUMBERS = {2: "two", 3: "three", 4: "four"}
_ASKED: dict[str, Callable[[Kind], str]] = {
    "choice": lambda kind: "which is preferred" if isinstance(kind, Choice) and kind.preference else "a choice",
    "scale": lambda kind: "a scale",
    "ranking": lambda kind: (
        "the best and the worst" if isinstance(kind, Ranking) and kind.order == "best-worst" else "their order"
    ),
    "claim": lambda kind: "yes or no to each claim of the prompt",
    "words": lambda kind: "which words of the prompt are missing",
    "points": lambda kind: "points in the image",
    "reasons": lambda kind: "reasons",
    "text": lambda kind: "a comment",
}


def in_a_line(protocol: Protocol) -> str:
    """Such as "Two sets of 8 images. Asked: which is preferred (twice). 25 raters per trial."."""
    asked = Counter(_ASKED[question.answers.name](question.answers) for question in protocol.questions)
    kinds = ", ".join(_times(words, n) for words, n in asked.items())
    each = f"{counted(protocol.raters_per_panel, 'rater')} per trial"
    return f"{_shown(protocol)}. Asked: {kinds}. {each[0].upper()}{each[1:]}."


def _shown(protocol: Protocol) -> str:
    shown, size = protocol.shown, protocol.set_size
    generated = shown.sets - (shown.reference == "beside")
    number = {1: "One", 2: "Two", 3: "Three", 4: "Four"}.get(generated, str(generated))
    if size == 1:
        what = f"{number} {'image' if generated == 1 else 'images'}"
    else:
        what = f"{number} {'set' if generated == 1 else 'sets'} of {size} images"
    beside = {
        "beside": " beside the reference photograph",
        "apart": ", generated or a reference photograph",
        "guide": " with the reference photograph as a guide",
    }
    return what + beside.get(shown.reference, "") + (", without the prompt" if shown.prompt == "hidden" else "")


def _times(words: str, n: int) -> str:
    if n == 1:
        return words
    if words.startswith("a "):
        return f"{_NUMBERS.get(n, str(n))} {words.removeprefix('a ')}s"
    return f"{words} ({'twice' if n == 2 else f'{n} times'})"
