"""Images of several generators, or several states of one image, in one upload: they are no samples of each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from generators.filenames.doubts import BESIDE
from generators.filenames.layouts import Claim
from generators.filenames.names import is_sample_word, sample_folder
from generators.filenames.texts import compact

_DIGITS = re.compile(r"\d+")
_STATES = frozenset(("step", "steps", "timestep", "iter", "iteration", "epoch", "stage"))
"""Words before a number that tells how far an image is, and not which sample it is."""

_ADVICE = "upload those of one generator, or add a manifest.csv with the columns file, prompt and sample"


def mark_mixtures(claims: Sequence[Claim], positions: dict[int, int]) -> None:
    """Take out of `positions` what may be of several generators (`_of_folders`), or several states (`_of_words`)."""
    by_prompt: dict[int, list[int]] = defaultdict(list)
    for index, position in positions.items():
        by_prompt[position].append(index)
    several = {position: group for position, group in by_prompt.items() if len(group) > 1}
    for problem, indices in (_of_folders(claims, several), _of_words(claims, several)):
        for index in indices:
            claims[index].problem = problem
            positions.pop(index, None)


def _of_folders(claims: Sequence[Claim], several: Mapping[int, Sequence[int]]) -> tuple[str, list[int]]:
    """Files with one prompt beside them and one name, in folders that are not called as samples ("sdxl/7.png",
    "flux/7.png"), where most prompts have such.
    """
    found: dict[int, list[int]] = {}
    for position, group in several.items():
        same: dict[str, list[int]] = defaultdict(list)
        for index in group:
            claim = claims[index]
            if claim.group in BESIDE and claim.label is None and not _is_part(claim.file.folder):
                same[claim.file.stem].append(index)
        if twins := [index for indices in same.values() if len(indices) > 1 for index in indices]:
            found[position] = twins
    if 2 * len(found) < len(several) or not found:
        return "", []
    twins = next(iter(found.values()))
    shown = " and ".join(f'"{claims[index].file.path}"' for index in twins[:2])
    return f"{shown} have one prompt and one name, and may be of two generators: {_ADVICE}", _all(found.values())


def _is_part(folder: str) -> bool:
    """Whether a folder may hold some samples of one generator: of a seed, or a Parquet file, whose rows are counted."""
    return folder.isdecimal() or sample_folder(folder) is not None or folder.lower().endswith(".parquet")


def _of_words(claims: Sequence[Claim], several: Mapping[int, Sequence[int]]) -> tuple[str, list[int]]:
    """Files of one prompt whose names hold other words ("00012/sdxl.png", "00012/flux.png"), the same at several
    prompts, or count steps.
    """
    words = {
        index: compact(_DIGITS.sub("", claims[index].file.stem))
        for group in several.values()
        for index in group
        if claims[index].group not in BESIDE and not claims[index].one_a_prompt and claims[index].file.folders
    }
    having: dict[str, set[int]] = defaultdict(set)
    mixed: dict[int, list[int]] = {}
    for position, group in several.items():
        of_it = {words[index] for index in group if index in words}
        for word in of_it:
            having[word].add(position)
        if len(of_it) > 1 or of_it & _STATES:
            mixed[position] = [index for index in group if index in words]
    found = {
        position: [index for index in group if _tells_apart(words[index]) and len(having[words[index]]) > 1]
        for position, group in mixed.items()
    }
    found = {position: group for position, group in found.items() if len(group) > 1}
    if not found:
        return "", []
    one, other, *_ = next(iter(found.values()))
    shown = f'"{claims[one].file.path}" and "{claims[other].file.path}"'
    return f"{shown} may be of two generators, or two states of one image: {_ADVICE}", _all(found.values())


def _tells_apart(word: str) -> bool:
    return len(word) > 1 and not is_sample_word(word)


def _all(groups: Iterable[Sequence[int]]) -> list[int]:
    return [index for group in groups for index in group]
