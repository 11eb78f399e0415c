"""Finding files by how others write their paths: absolute, of another computer, of the folder that a list lies in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from generators.filenames.names import clean_path, without_extension


class PathEnds:
    """Files by any end of their path, case aside: "run/00000/0.png" under "00000/0.png" and "0.png" too."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._found: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        known = list(paths)
        for path in known:
            parts = path.casefold().split("/")
            for start in range(len(parts)):
                end = "/".join(parts[start:])
                self._found[end].append(path)
                self._stems[without_extension(end)].append(path)
        for whole in {path.casefold() for path in known}:  # a whole path is never doubtful
            self._found[whole] = [path for path in self._found[whole] if path.casefold() == whole]

    def find(self, path: str, folder: str = "") -> list[str]:
        """The files that `path` may mean, in `folder` (of the list that says it) first. Without an extension, or with
        another image's, it means the file of that name: lists are often older than the format.
        """
        path = clean_path(path).lstrip("/").casefold()
        inside = f"{folder.casefold()}/{path}" if folder else path
        for table, ends in ((self._found, (inside, path)), (self._stems, map(without_extension, (inside, path)))):
            for end in ends:
                if found := table.get(end, []):
                    return found
        return []


def shared_folder(paths: Sequence[str]) -> int:
    """How many folders at the beginning all `paths` share: those of the computer that they were written on."""
    folders = [PurePosixPath(clean_path(path).lstrip("/")).parts[:-1] for path in paths]
    if not folders:
        return 0
    first, last = min(folders), max(folders)  # whatever lies between them shares what they share
    pairs = zip(first, last, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(first), len(last)))


def without_folders(path: str, number: int) -> str:
    """`path` without its first `number` folders."""
    return "/".join(clean_path(path).lstrip("/").split("/")[number:])


def folders_to_drop(paths: Sequence[str], ends: PathEnds, folder: str) -> int:
    """How many of the folders that all `paths` share are to be left off, for most of them to be found."""
    shown = paths[:200]
    counts = [
        sum(len(ends.find(without_folders(path, number), folder)) == 1 for path in shown)
        for number in range(shared_folder(paths) + 1)
    ]
    return counts.index(max(counts))
