"""Words that all names of a set share around what tells them apart: a program's, a model's, a size ("sdxl_a fox")."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from generators.filenames.findings import Findings, Question
from generators.filenames.names import FileName, identify, split_pair
from generators.filenames.texts import PromptTexts

_SEPARATORS = " _.,#()[]=-"
_CUTS = 6
"""So many places are tried at which the words of each side may end."""
_NAMES_TRIED = 50


@dataclass(frozen=True, slots=True)
class Shared:
    """What all names begin and end with. `by_texts`: what is left are prompts' texts, else their numbers."""

    before: str
    after: str
    by_texts: bool

    def left(self, stem: str) -> str:
        """`stem` without them."""
        return stem[len(self.before) : len(stem) - len(self.after)]


def shared_words(files: Sequence[FileName], texts: PromptTexts, known: set[int]) -> Shared | None:
    """What is to be left off for most names to be prompts; None where that shows fewer than two of them.

    `known`: the prompts' numbers.
    """
    stems = [file.stem for file in files]
    if len(set(stems)) < 2:
        return None
    before = os.path.commonprefix(stems)
    after = os.path.commonprefix([stem[len(before) :][::-1] for stem in stems])[::-1]
    tried = stems[:: max(1, len(stems) // _NAMES_TRIED)]
    best, most = None, (0, 0)
    for cut in _ends(before):
        for end in _ends(after[::-1]):
            shared = Shared(before[:cut], after[len(after) - end :], True)
            found = [_prompts_of(shared.left(stem), texts) for stem in tried] if cut or end else []
            placed = (sum(map(bool, found)), -cut - end)
            if placed > most and len({each[0] for each in found if each}) > 1:
                best, most = shared, placed
    if best is not None:
        return best
    shared = Shared(before[: max(_ends(before))], "", False)
    lefts = [shared.left(stem) for stem in stems] if shared.before else []
    numbers = {pair[0] if (pair := split_pair(left)) else left for left in lefts}
    is_some = len(numbers) > 1 and all(number.isdecimal() and int(number) in known for number in numbers)
    return shared if is_some else None


def _ends(words: str) -> Iterator[int]:
    """Where the words may end: behind a separator, or nothing of them is left off."""
    return iter([0, *[at + 1 for at, letter in enumerate(words) if letter in _SEPARATORS][-_CUTS:]])


def _prompts_of(left: str, texts: PromptTexts) -> tuple[int, ...]:
    pair = split_pair(left)
    found = (identify(piece, texts) for piece in (left, *(pair[:1] if pair else ())))
    return next((each.texts for each in found if each.texts and each.number is None), ())


def without_shared(files: Sequence[FileName], texts: PromptTexts, known: set[int]) -> list[FileName]:
    """The files, by what `shared_words` leaves of their names."""
    shared = shared_words(files, texts, known)
    return [replace(file, stem=shared.left(file.stem)) for file in files] if shared else list(files)


def ask_about_shared(files: Sequence[FileName], shared: Shared, findings: Findings) -> Question:
    """Words around prompts may be a program's, or the prompts another suite's ("a red fox" where it has "fox")."""
    words = " and ".join(f'"{each}"' for each in (shared.before, shared.after) if each)
    what = "the prompt" if shared.by_texts else "the prompt's number, and the sample's behind it"
    text = f'all names have {words} in common, such as "{files[0].path}": is the rest ("{shared.left(files[0].stem)}") '
    text += f"{what}? If not, add a manifest.csv with the columns file and prompt"
    findings.questions.append(Question("layout", text, ("within",)))
    return findings.questions[-1]
