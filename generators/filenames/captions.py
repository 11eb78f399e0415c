"""What stands beside images and says what they show: captions in files of their own, and lists. Read here alone, for
training and for uploads alike. Pure: names and bytes in.

The caption of `a/b.jpg` stands in `a/b.txt`, `a/b.caption` or `a/b.json` (its field `caption` or `prompt`, as
img2dataset and WebDataset shards have it), or in `a/b.jpg.txt`. A table `metadata.jsonl` of one line that names no
file, as GenEval has it, holds the prompt of all images below its folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from common import limits, text_files
from common.errors import UserError
from common.json_in import JsonError, read_json
from common.text import bad_character, named
from generators.filenames.filelist import (
    COLUMNS,
    TABLES,
    FileEntry,
    FileListError,
    NoFilesError,
    find_file_lists,
    parse_file_list,
)
from generators.filenames.names import clean_path, why_ignored

BESIDE = (".txt", ".caption", ".json")
"""Endings of a file with an image's caption, the first that is there first."""

MAX_CAPTION_BYTES = 4 * limits.PROMPT
"""Of a file with one caption; JSON may have other fields beside it."""
MAX_JSON_BYTES = 2**20

OTHER_TABLES = 20
"""So many tables with names of their own are looked at for the columns of a list."""


class CaptionError(UserError):
    """A caption that can't be read; the message goes on from "its caption"."""


class NoCaptionError(CaptionError):
    """JSON beside an image that holds no caption."""


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands beside one image. `source`: the file that says it. `problem`: why it can't be read, else "".

    `sure`: somebody said that it is the image's prompt.
    """

    text: str
    source: str
    problem: str = ""
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Beside:
    """All that stands beside some images. `entries`: of lists, None without one. `captions`: image -> its caption.

    `used`: the files that were read. `notes`: what people should know.
    """

    entries: tuple[FileEntry, ...] | None = None
    captions: Mapping[str, Caption] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def caption_choice(captions: Mapping[str, Caption], choice: Literal["auto", "use", "ignore"]) -> Mapping[str, Caption]:
    """The captions that count, by what somebody said of them."""
    if choice == "ignore":
        return {}
    return {name: replace(caption, sure=True) for name, caption in captions.items()} if choice == "use" else captions


def caption_files(name: str) -> tuple[str, ...]:
    """Where the caption of the image `name` may stand, the first that is there first."""
    stem, dot, _ = name.rpartition(".")
    own = tuple(f"{stem}{ending}" for ending in BESIDE) if dot and "/" not in name[len(stem) :] else ()
    return (*own, *(f"{name}{ending}" for ending in BESIDE))


def caption_of(data: bytes, name: str) -> str:
    """The caption in the file `name`: its text, or a field of its JSON. Parameters that a program wrote below the
    prompt ("Negative prompt: ...", "Steps: ...") are left out.

    Raises:
        CaptionError: it is no text, has none, or a character that may stand in no text.
    """
    most = MAX_JSON_BYTES if name.lower().endswith(".json") else MAX_CAPTION_BYTES
    if len(data) > most:
        raise CaptionError(f"has more than {most:,} bytes")
    if not data.strip():
        raise CaptionError("is empty")
    try:
        text = text_files.decode(data, wanted="a caption")
    except text_files.TextFileError:
        raise CaptionError("is not UTF-8 text") from None
    if name.lower().endswith(".json"):
        text = _json_caption(text)
    lines = text.strip().split("\n")
    end = next((at for at, line in enumerate(lines) if at and line.startswith(("Negative prompt:", "Steps: "))), None)
    text = " ".join(" ".join(lines[:end]).split())
    if not text:
        raise CaptionError("is empty")
    bad = bad_character(text)
    if bad is not None:
        raise CaptionError(f"contains {named(bad)}")
    return text


def _json_caption(text: str) -> str:
    try:
        found = read_json(text)
    except JsonError:
        raise CaptionError("can't be read: its JSON is broken") from None
    for name in ("caption", "prompt", "text"):
        if isinstance(found, dict) and isinstance(caption := found.get(name), str):
            return caption
    raise NoCaptionError("is not there: the JSON has no field caption or prompt")


def files_beside(names: Sequence[str]) -> frozenset[str]:
    """Those of `names` that `read_beside` may want to read."""
    present = set(names)
    wanted = {each for name in names if not why_ignored(name) for each in caption_files(name) if each in present}
    return frozenset(wanted | set(find_file_lists(names)) | set(_other_tables(names)))


def read_beside(names: Sequence[str], read: Callable[[str], bytes]) -> Beside:
    """All that stands beside the images among `names`. `read`: the bytes of one of `files_beside(names)`.

    Raises:
        FileListError: a list that can't be read.
    """
    images = [name for name in names if not why_ignored(name)]
    used: set[str] = set()
    entries: list[FileEntry] = []
    captions: dict[str, Caption] = {}
    notes: list[str] = []
    for name in find_file_lists(names):
        try:
            entries += parse_file_list(read(name), name)
            used.add(name)
        except NoFilesError as error:
            if clean_path(name).rpartition("/")[2].lower().startswith("manifest"):
                raise
            if (text := error.only_text) and (folder := clean_path(name).rpartition("/")[0]):
                captions |= {
                    image: Caption(text, name) for image in images if clean_path(image).startswith(f"{folder}/")
                }
                used.add(name)
    if not entries:
        for name in _other_tables(names):
            if (rows := _list_by_chance(read(name), name, images)) is not None:
                notes.append(f"{name} is taken for the list of files")
                entries, used = rows, used | {name}
                break
    present = set(names)
    for image in images:
        for beside in caption_files(image):
            if beside not in present:
                continue
            used.add(beside)
            try:
                captions[image] = Caption(caption_of(read(beside), beside), beside)
            except NoCaptionError:
                continue
            except CaptionError as error:
                captions[image] = Caption("", beside, problem=f"its caption ({beside}) {error}")
            break
    return Beside(tuple(entries) if entries else None, captions, frozenset(used), tuple(notes))


def _other_tables(names: Sequence[str]) -> list[str]:
    """Tables with names of their own, at the top."""
    tops = [clean_path(name).count("/") for name in names if not why_ignored(name)]
    depth = min(tops, default=0)
    return [
        name
        for name in sorted(names)
        if clean_path(name).lower().endswith(TABLES)
        and clean_path(name).count("/") <= depth
        and why_ignored(name).startswith("not an image")
        and name not in find_file_lists(names)
    ][:OTHER_TABLES]


def _list_by_chance(data: bytes, name: str, images: Iterable[str]) -> list[FileEntry] | None:
    """The lines of a table that names images, though it is called otherwise than a list; None where it does not."""
    try:
        entries = parse_file_list(data, name)
    except FileListError:
        return None
    ends = {clean_path(image).rpartition("/")[2].casefold() for image in images}
    return entries if any(clean_path(each.file).rpartition("/")[2].casefold() in ends for each in entries) else None


def captions_of_list(data: bytes, name: str) -> list[tuple[str, str]]:
    """(file, caption) of each line of a list that must have captions, as training wants it.

    Raises:
        FileListError: it can't be read, or a line has no caption.
    """
    pairs: list[tuple[str, str]] = []
    for number, entry in enumerate(parse_file_list(data, name), start=1):
        text = entry.text or entry.written
        if not text:
            raise FileListError(
                f"{name}, row {number}: there is no caption. Call its column {' or '.join(COLUMNS['text'][2:4])}"
            )
        pairs.append((replace(entry, folder="").file, text))
    return pairs
