"""What the name of an image file says of its prompt and its sample. Pure functions on text; no file is touched."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from common.images.decode import ALL_EXTENSIONS

SHORTEST_PREFIX = 12
"""Letters and digits that a shortened prompt in a name must keep to be recognised."""

LONGEST_NAME = 255
"""Letters: what file systems allow a file or folder to be called."""

_IMAGE_EXTENSIONS = frozenset(
    (*ALL_EXTENSIONS, ".gif", ".bmp", ".tif", ".tiff", ".svg", ".avif", ".heic", ".heif", ".jxl", ".jp2")
)
_SYSTEM_NAMES = frozenset(("__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "@eadir"))
_SEPARATORS = r"[\s_.,#()\[\]=-]"
_PROMPT_WORD = r"prompts?|captions?|text|p|id|idx|index|no|nr|number"
_SAMPLE_WORD = r"samples?|images?|img|pic|picture|outputs?|out|seed|gen|generation|result|repeat|variant|s|i|n"
_NUMBER = re.compile(rf"(?:(?:{_PROMPT_WORD}){_SEPARATORS}*)?(\d+)", re.IGNORECASE)
_NUMBER_AND_WORDS = re.compile(
    rf"(?:(?:{_PROMPT_WORD}){_SEPARATORS}*)?(\d+){_SEPARATORS}+(\D.*|\d.*\D.*)", re.IGNORECASE
)
_SAMPLE_FOLDER = re.compile(rf"(?:samples?|seed|repeat|variant|generation){_SEPARATORS}*(\d+)", re.IGNORECASE)
_LABEL = re.compile(rf"(?:(?:.*{_SEPARATORS})?(?:{_SAMPLE_WORD})?{_SEPARATORS}*)(\d+)", re.IGNORECASE | re.DOTALL)
_PAIR = re.compile(rf"(.*?){_SEPARATORS}+(?:(?:{_SAMPLE_WORD}){_SEPARATORS}*)?(\d+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class FileName:
    """A name taken apart. `name`: as given; `path`: cleaned. `folders`: from the top. `stem`: without extension."""

    name: str
    path: str
    folders: tuple[str, ...]
    stem: str

    @property
    def folder(self) -> str:
        """The innermost folder's name, "" at the top."""
        return self.folders[-1] if self.folders else ""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a piece of a name says of the prompt: the number as written, how many digits, and the prompts its words fit.

    `texts`: positions of the prompts that the words can mean; empty where there are no words or none fits.
    `words`: whether there were words that fit no prompt.
    """

    number: int | None = None
    digits: int = 0
    texts: tuple[int, ...] = ()
    words: bool = False

    def __bool__(self) -> bool:
        return self.number is not None or bool(self.texts)


def compact(text: str) -> str:
    """Only the letters and digits of `text`, without case and accents: what survives any way of making file names."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def clean_path(name: str) -> str:
    """`name` with forward slashes, without "./" and doubled slashes, in Unicode's composed form."""
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    cleaned = "/".join(part for part in parts if part not in ("", "."))
    return "/" + cleaned if name[:1] in ("/", "\\") else cleaned


def take_apart(name: str) -> FileName:
    """The pieces of one name."""
    path = clean_path(name)
    *folders, last = path.split("/")
    stem = last.rpartition(".")[0] or last
    return FileName(name=name, path=path, folders=tuple(folders), stem=stem.strip())


def why_ignored(name: str) -> str:
    """Why the file is passed over: hidden, the operating system's, not an image. "" where it is to be matched."""
    parts = clean_path(name).split("/")
    if any(part.lower() in _SYSTEM_NAMES for part in parts):
        return "a file of the operating system"
    if any(part.startswith(".") and part != ".." for part in parts):
        return "a hidden file"
    extension = "." + parts[-1].rpartition(".")[2].lower() if "." in parts[-1] else ""
    if extension not in _IMAGE_EXTENSIONS:
        return f"not an image ({extension})" if extension else "not an image (no extension)"
    return ""


def why_unsafe(name: str) -> str:
    """Why a name is not to be read at all: it leaves its folder (absolute, a drive, ".."), or no file can have it."""
    path = clean_path(name)
    if path.startswith("/") or ".." in path.split("/") or re.match(r"[A-Za-z]:", path) or "\0" in path:
        return "the path leaves its folder"
    if any(len(part) > LONGEST_NAME for part in path.split("/")):  # also keeps the patterns below from long work
        return f"the name is longer than {LONGEST_NAME} letters"
    return ""


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts names as people do: img2 before img10."""
    pieces = re.split(r"(\d+)", text.casefold())
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces if piece)


@dataclass(slots=True)
class PromptTexts:
    """Finds prompts by the words in a name: whole texts first, then texts cut short."""

    texts: Sequence[str]
    _exact: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _ordered: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for position, text in enumerate(self.texts):
            if key := compact(text):
                self._exact[key].append(position)
                self._ordered.append((key, position))
        self._ordered.sort()

    def find(self, words: str) -> tuple[int, ...]:
        """Positions of the prompts that `words` may stand for: more than one means that it can't be told."""
        key = compact(words)
        if not key:
            return ()
        if key in self._exact:
            return tuple(self._exact[key])
        if len(key) < SHORTEST_PREFIX:
            return ()
        found = []
        for prompt_key, position in self._ordered[bisect_left(self._ordered, (key, -1)) :]:
            if not prompt_key.startswith(key):
                break
            found.append(position)
        return tuple(found)

    def identify(self, piece: str) -> Identity:
        """What `piece` (a folder's name, or a part of a file's) says of its prompt."""
        piece = piece.strip()
        # A prompt may itself be a number, or begin with one ("3 cats"): its whole text is looked for first.
        if (texts := self.find(piece)) and not piece.isdecimal():
            return Identity(texts=texts)
        bare = piece.strip(" _.,#()[]=-")
        if match := _NUMBER.fullmatch(bare):
            return Identity(number=int(match[1]), digits=len(match[1]))
        if match := _NUMBER_AND_WORDS.fullmatch(bare):
            texts = self.find(match[2])
            return Identity(number=int(match[1]), digits=len(match[1]), texts=texts, words=not texts)
        return Identity()


def sample_label(stem: str) -> int | None:
    """The sample number that a file's stem ends in ("3", "img_3", "00012_3", "ComfyUI_00003_"), None without one."""
    match = _LABEL.fullmatch(stem.strip(" _.,#()[]=-"))
    return int(match[1]) if match else None


def sample_folder(folder: str) -> int | None:
    """The sample number of a folder that says so ("sample_3", "seed 3"), None for any other."""
    match = _SAMPLE_FOLDER.fullmatch(folder.strip())
    return int(match[1]) if match else None


def split_pair(stem: str) -> tuple[str, int] | None:
    """A stem that holds prompt and sample ("00012_3", "a-brown-bird_3", "a brown bird (3)"), taken in two."""
    match = _PAIR.fullmatch(stem.strip(" _.,#()[]=-"))
    return (match[1], int(match[2])) if match and match[1].strip() else None
