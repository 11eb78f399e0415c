"""What stands beside images and says what they show: captions in files of their own, and lists. Read here alone, for
training and for uploads alike. Pure: names and bytes in.

The caption of `a/b.jpg` stands in `a/b.txt`, `a/b.caption` or `a/b.json` (its field `caption` or `prompt`, as
img2dataset and WebDataset shards have it), in `a/b.jpg.txt`, or where `generators.filenames.companions` looks. A table
`metadata.jsonl` of one line that names no file, as GenEval has it, holds the prompt of all images below its folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from common import limits, text_files
from common.errors import UserError
from common.json_in import JsonError, read_json
from common.text import bad_character, named
from generators.filenames.companions import pair_up
from generators.filenames.filelist import (
    COLUMNS,
    TABLES,
    FileEntry,
    FileListError,
    NoFilesError,
    entries_of_rows,
    find_file_lists,
    parse_file_list,
    rows_of_list,
)
from generators.filenames.names import clean_path, why_hidden, why_ignored
from generators.filenames.other_tables import PromptOrder, ordered, read_other_table
from generators.filenames.paths import PathEnds
from generators.filenames.said_of_all import said_of_all

MAX_CAPTION_BYTES = 4 * limits.PROMPT
"""Of a file with one caption; JSON may have other fields beside it."""
MAX_JSON_BYTES = 2**20

OTHER_TABLES = 20
"""So many tables with names of their own are looked at, those nearer to the top."""

ITSELF = "the image itself"
"""The source of a prompt that its generator wrote into the image file (`generators.filenames.embedded`)."""

FIELDS = ("caption", "prompt", "text", "positive_prompt", "positive", "description", "Prompt", "Caption")
"""Names of a caption in JSON and YAML, the first that is there first."""
_YAML = re.compile(r"^[ ]*(\w+)[ ]*:[ ]*([\"']?)(.+?)\2[ ]*$", re.MULTILINE)


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

    `used`: the files that were read. `notes`: what people should know. `orders`: lists of prompts that name no image.
    `declared`: what the first list says of all images (`generators.filenames.said_of_all`).
    """

    entries: tuple[FileEntry, ...] | None = None
    captions: Mapping[str, Caption] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    orders: tuple[PromptOrder, ...] = ()
    declared: Mapping[str, object] = field(default_factory=dict)


CaptionChoice = Literal["auto", "use", "ignore"]


def caption_choice(captions: Mapping[str, Caption], choice: CaptionChoice) -> Mapping[str, Caption]:
    """The captions that count, by what somebody said of them."""
    if choice == "ignore":
        return {}
    return {name: replace(caption, sure=True) for name, caption in captions.items()} if choice == "use" else captions


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
    elif name.lower().endswith((".yaml", ".yml")):
        text = _yaml_caption(text)
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
    level = [found]
    while level:  # the outermost that says it: programs put parameters of their own further in
        objects = [each for each in level if isinstance(each, Mapping)]
        for name in FIELDS:
            for each in objects:
                if isinstance(caption := each.get(name), str) and caption.strip():
                    return caption
        level = [value for each in objects for value in each.values() if isinstance(value, Mapping)]
    raise NoCaptionError("is not there: the JSON has no field caption or prompt")


def _yaml_caption(text: str) -> str:
    """Of a line such as `prompt: a fox`; nothing else of YAML is read."""
    found = {match[1].lower(): match[3] for match in _YAML.finditer(text)}
    for name in FIELDS:
        if found.get(name):
            return found[name]
    raise NoCaptionError("is not there: the YAML has no line for a caption or prompt")


def files_beside(names: Sequence[str]) -> frozenset[str]:
    """Those of `names` that `read_beside` may want to read."""
    images = _images(names)
    paired = {each for found in pair_up(names, images).values() for each in found}
    return frozenset(paired | set(find_file_lists(names)) | set(_other_tables(names, paired)))


def read_beside(names: Sequence[str], read: Callable[[str], bytes]) -> Beside:
    """All that stands beside the images among `names`. `read`: the bytes of one of `files_beside(names)`.

    Raises:
        FileListError: a list that can't be read.
    """
    images = _images(names)
    used: set[str] = set()
    entries: list[FileEntry] = []
    of_all: list[dict[str, object]] = []
    captions: dict[str, Caption] = {}
    orders: list[PromptOrder] = []
    notes: list[str] = []
    for name in find_file_lists(names):
        try:
            lines = rows_of_list(read(name), name)
            entries += entries_of_rows(lines, name)
            of_all = of_all or [row for _, row in lines]
            used.add(name)
        except NoFilesError as error:
            if clean_path(name).rpartition("/")[2].lower().startswith("manifest"):
                raise
            if (text := error.only_text) and (folder := clean_path(name).rpartition("/")[0]):
                captions |= {
                    image: Caption(text, name) for image in images if clean_path(image).startswith(f"{folder}/")
                }
                used.add(name)
    paired = pair_up(names, images)
    read_once: dict[str, Caption | None] = {}
    for image, files in paired.items():
        for file in files:
            if file in used:
                continue
            if file not in read_once:
                read_once[file] = _caption_in(read(file), file)
            if (caption := read_once[file]) is not None:
                captions[image] = caption
                break
    used |= read_once.keys()
    if not entries:
        by_path = {clean_path(image): image for image in images}
        ends = PathEnds(by_path)
        for name in _other_tables(names, used):
            data = read(name)
            if (rows := _list_by_chance(data, name, images)) is not None:
                notes.append(f"{name} is taken for the list of files")
                entries, used = rows, used | {name}
                break
            table = read_other_table(data, name, ends)
            if table.captions:
                notes.append(f"{name} is read for the prompts of the images that it names")
                used.add(name)
                for path, text in table.captions.items():
                    captions.setdefault(by_path[path], Caption(text, name))
            elif table.order is not None:
                orders.append(table.order)
    declared = said_of_all(of_all)
    return Beside(tuple(entries) if entries else None, captions, frozenset(used), tuple(notes), tuple(orders), declared)


def _images(names: Iterable[str]) -> list[str]:
    return [name for name in names if not why_ignored(name)]


def _caption_in(data: bytes, file: str) -> Caption | None:
    """The caption in `file`; None where it is about something else."""
    try:
        return Caption(caption_of(data, file), file)
    except NoCaptionError:
        return None
    except CaptionError as error:
        return Caption("", file, problem=f"its caption ({file}) {error}")


def _other_tables(names: Sequence[str], but: Collection[str]) -> list[str]:
    """Tables with names of their own, and texts that are no image's caption."""
    lists = set(find_file_lists(names))
    found = (name for name in names if name not in but and name not in lists and not why_hidden(name))
    return ordered([name for name in found if why_ignored(name)])[:OTHER_TABLES]


def _list_by_chance(data: bytes, name: str, images: Iterable[str]) -> list[FileEntry] | None:
    """The lines of a table that names images, though it is called otherwise than a list; None where it does not."""
    if not name.lower().endswith(TABLES):
        return None
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
