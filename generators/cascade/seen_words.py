"""Which words of a prompt the weights were never taught.

A folder of weights may hold `words.txt`: every word of the captions of its trainings, a line each. With it the cascade
says of each image which words of its prompt are not among them: what a reader should not expect to see. Words in
quotation marks are letters to write, not things to know, and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from common.files import write_text
from generators.cascade.quoted import QUOTED
from generators.contract import GeneratorError

WORDS = "words.txt"
WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
"""Letters of any script, joined by hyphens. Numbers are no words; the `s` of "dog's" goes with its apostrophe."""
POSSESSIVE = re.compile(r"['’]s\b")


def words_of(text: str) -> list[str]:
    """The words of a text in order, each once, in lower case, without those in quotation marks."""
    plain = POSSESSIVE.sub("", QUOTED.sub(" ", text)).casefold()
    return list(dict.fromkeys(WORD.findall(plain)))


def write_words(folder: Path, captions: Iterable[str]) -> int:
    """Write the words of `captions` into a folder of weights, beside those that it has; how many it has now.

    Raises:
        SaveError: the folder can't be written; what was there stays.
    """
    words = {word for caption in captions for word in words_of(caption)} | (read_words(folder) or frozenset())
    write_text(folder / WORDS, "".join(f"{word}\n" for word in sorted(words)))
    return len(words)


def read_words(folder: Path) -> frozenset[str] | None:
    """The words that the weights in `folder` were taught; None where the folder does not say.

    Raises:
        GeneratorError: the file is no UTF-8 text or can't be read.
    """
    path = folder / WORDS
    try:
        return frozenset(path.read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise GeneratorError(f"weights: {path} can't be read as words, a line each: {error}") from None


def unseen_words(prompt: str, seen: frozenset[str]) -> list[str]:
    """The prompt's words that are not in `seen`, in order. A word of several parts is seen where all its parts are."""
    return [word for word in words_of(prompt) if word not in seen and not all(part in seen for part in word.split("-"))]
