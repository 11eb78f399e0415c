"""Which file of text belongs to which image, where it does not lie beside it under the same name: WebDataset's keys, a
folder of captions beside that of the images, one prompt for a whole folder. Pure: names in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from generators.filenames.names import clean_path, without_extension

ENDINGS = (".txt", ".caption", ".json", ".prompt", ".text", ".yaml", ".yml")
"""Endings of a file with an image's caption, the first that is there first."""

_OF_A_FOLDER = ("prompt", "caption", "text", "metadata", "meta", "info", "config", "params", "parameters")
"""What a file with the prompt of a whole folder is called."""


def beside_files(name: str) -> tuple[str, ...]:
    """Where the caption of the image `name` may stand, the first that is there first."""
    stem, dot, _ = name.rpartition(".")
    own = tuple(f"{stem}{ending}" for ending in ENDINGS) if dot and "/" not in name[len(stem) :] else ()
    return (*own, *(f"{name}{ending}" for ending in ENDINGS))


def pair_up(names: Sequence[str], images: Sequence[str]) -> dict[str, list[str]]:
    """Image -> files of text that may hold its caption, the likeliest first. Of images that have none beside them, the
    files of their WebDataset key, of a folder of captions, or of their own folder.
    """
    present = set(names)
    texts = [name for name in names if clean_path(name).lower().endswith(ENDINGS)]
    taken = {beside for image in images for beside in beside_files(image) if beside in present}
    by_key: dict[str, list[str]] = defaultdict(list)
    by_place: dict[str, list[str]] = defaultdict(list)
    of_folder: dict[str, list[str]] = defaultdict(list)
    for name in texts:
        folder, stem = _parts(name)
        by_key[f"{folder}/{stem.partition('.')[0]}"].append(name)
        if name not in taken:
            for place in ("/".join(filter(None, (folder, stem))), *_without_one(folder, stem)):
                by_place[place].append(name)
        if stem.lower() in _OF_A_FOLDER:
            of_folder[folder].append(name)
    paired: dict[str, list[str]] = {}
    for image in images:
        found = [beside for beside in beside_files(image) if beside in present]
        folder, stem = _parts(image)
        found = found or by_key.get(f"{folder}/{stem.partition('.')[0]}", [])
        found = found or list(dict.fromkeys(_elsewhere(folder, stem, by_place)))
        found = found or next((of_folder[each] for each in _above(folder) if each in of_folder), [])
        if found:
            paired[image] = found
    return paired


def _parts(name: str) -> tuple[str, str]:
    folder, _, last = clean_path(name).rpartition("/")
    bare = without_extension(last)
    ending = next((each for each in ENDINGS if bare.lower().endswith(each)), "")
    return folder, bare.removesuffix(bare[len(bare) - len(ending) :]) if ending else bare


def _without_one(folder: str, stem: str) -> Iterator[str]:
    """`folder`/`stem` without any one of its folders."""
    parts = folder.split("/") if folder else []
    for at in range(len(parts)):
        yield "/".join([*parts[:at], *parts[at + 1 :], stem])


def _elsewhere(folder: str, stem: str, by_place: Mapping[str, list[str]]) -> Iterator[str]:
    """Files of text in a folder called otherwise ("captions" for "images"), or in one more or less."""
    for place in ("/".join(filter(None, (folder, stem))), *_without_one(folder, stem)):
        yield from by_place.get(place, ())


def _above(folder: str) -> Iterator[str]:
    """The folder and those above it, but not the top: a prompt there would be that of all."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
