"""What the name of an image file says of its prompt and its sample. Pure functions on text; no file is touched."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from common.images.decode import ALL_EXTENSIONS
from generators.filenames.texts import PromptTexts, compact

LONGEST_NAME = 255
"""Letters: what file systems allow a file or folder to be called."""

_IMAGE_EXTENSIONS = frozenset(
    (*ALL_EXTENSIONS, ".gif", ".bmp", ".tif", ".tiff", ".svg", ".avif", ".heic", ".heif", ".jxl", ".jp2")
)
_SYSTEM_NAMES = frozenset(("__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "@eadir"))
_ENDS = " _.,#()[]=-"
_SEPARATORS = r"[\s_.,#()\[\]=-]"
_PROMPT_WORD = r"prompts?|captions?|text|p|id|idx|index|no|nr|number"
_SAMPLE_WORD = r"samples?|images?|img|pic|picture|outputs?|out|seed|gen|generation|result|repeat|variant|s|i|n"
_SAMPLE_WORDS = re.compile(_SAMPLE_WORD, re.IGNORECASE)
_NUMBER = re.compile(rf"(?:(?:{_PROMPT_WORD}){_SEPARATORS}*)?(\d+)", re.IGNORECASE)
_NUMBER_AND_WORDS = re.compile(
    rf"(?:(?:{_PROMPT_WORD}){_SEPARATORS}*)?(\d+){_SEPARATORS}+(\D.*|\d.*\D.*)", re.IGNORECASE
)
_SAMPLE_FOLDER = re.compile(rf"(?:samples?|seed|repeat|variant|generation){_SEPARATORS}*(\d+)", re.IGNORECASE)
_LABEL = re.compile(rf"(?:(?:.*{_SEPARATORS})?(?:{_SAMPLE_WORD})?{_SEPARATORS}*)(\d+)", re.IGNORECASE | re.DOTALL)
_COUNTER = re.compile(rf"[^\d]*?(?:[^\W\d]|{_SEPARATORS})(\d+)", re.IGNORECASE)
_GRID = re.compile(
    rf"(?:.*{_SEPARATORS}|\d*)(?:grids?|contact{_SEPARATORS}?sheet|collage|montage|mosaic)(?:{_SEPARATORS}*\d+)*",
    re.IGNORECASE | re.DOTALL,
)
_SERVICE = re.compile(
    r"DALL.?E \d{4}-\d\d-\d\d \d\d[.:_]\d\d[.:_]\d\d - (?P<dalle>.+)"
    r"|(?P<midjourney>.+)_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:_(?P<sample>\d))?",
    re.IGNORECASE | re.DOTALL,
)
_SAMPLE_FIRST = re.compile(
    rf"(?P<word>samples?|seed|repeat|variant|generation)?{_SEPARATORS}*(?P<sample>\d+){_SEPARATORS}+(?P<prompt>.+)",
    re.IGNORECASE | re.DOTALL,
)

GRID = "by its name it shows several samples beside each other, not one"
_PAIR = re.compile(rf"(.*?){_SEPARATORS}+(?:(?:{_SAMPLE_WORD}){_SEPARATORS}*)?(\d+)", re.IGNORECASE | re.DOTALL)
_PAIR_BY_WORDS = re.compile(rf"((?:{_PROMPT_WORD})\d+)(?:{_SAMPLE_WORD})(\d+)", re.IGNORECASE)
_NUMBERS_AND_WORDS = re.compile(rf"\d+{_SEPARATORS}+(\d+){_SEPARATORS}+(\D.*|\d.*\D.*)", re.DOTALL)
_DATE = re.compile(r"(?:19|20)\d\d-[01]\d-[0-3]\d(?:\D.*)?", re.DOTALL)
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}|#U[0-9A-Fa-f]{4}|&(?:\w+|#x?[0-9A-Fa-f]+);")


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
    `words`: whether there were words that fit no prompt. `exact`: whether the words are a prompt's whole text.
    `either`: the piece is a number and also a prompt's whole text ("1984"); the other names tell which is meant.
    `rest`: words beside the number that fit no prompt, as `compact` has them; `begun`: prompts that begin so, though
    that is too short to name them. `letters`: how many the words had;
    `whole`: whether they are a whole text, however loosely.
    """

    number: int | None = None
    digits: int = 0
    texts: tuple[int, ...] = ()
    words: bool = False
    exact: bool = False
    either: bool = False
    rest: str = ""
    begun: tuple[int, ...] = ()
    letters: int = 0
    whole: bool = False

    def __bool__(self) -> bool:
        return self.number is not None or bool(self.texts)


_TO_CLEAN = re.compile(r"\\|//|^/|/$|(?:^|/)\.(?:/|$)")


def clean_path(name: str) -> str:
    """`name` with forward slashes, without "./" and doubled slashes, in Unicode's composed form."""
    if name.isascii() and not _TO_CLEAN.search(name):  # as most are: asked some twenty times of each file of an upload
        return name
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    cleaned = "/".join(part for part in parts if part not in ("", "."))
    return "/" + cleaned if name[:1] in ("/", "\\") else cleaned


def take_apart(name: str) -> FileName:
    """The pieces of one name."""
    path = clean_path(name)
    *folders, last = path.split("/")
    return FileName(name=name, path=path, folders=tuple(folders), stem=without_extension(last).strip())


def without_extension(name: str) -> str:
    """`name` without the ending of an image format; a name without one may be a text with full stops."""
    stem, _, ending = name.rpartition(".")
    return stem if stem and f".{ending.lower()}" in _IMAGE_EXTENSIONS else name


def why_hidden(name: str) -> str:
    """Why a file is not for people: hidden, or the operating system's. "" where it is."""
    path = clean_path(name)
    parts = path.split("/")
    if not _SYSTEM_NAMES.isdisjoint(path.lower().split("/")):
        return "a file of the operating system"
    if any(part.startswith(".") and part != ".." for part in parts):
        return "a hidden file"
    return ""


def why_ignored(name: str) -> str:
    """Why the file is passed over: hidden, the operating system's, not an image. "" where it is to be matched."""
    if hidden := why_hidden(name):
        return hidden
    last = clean_path(name).rpartition("/")[2]
    extension = "." + last.rpartition(".")[2].lower() if "." in last else ""
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


def identify(piece: str, texts: PromptTexts) -> Identity:
    """What `piece` (a folder's name, or a part of a file's) says of its prompt."""
    known = texts.seen.get(piece)
    if not isinstance(known, Identity):
        known = texts.seen[piece] = _identity(piece.strip(), texts)
    return known


def _identity(piece: str, texts: PromptTexts) -> Identity:
    # A prompt may itself be a number, or begin with one ("3 cats"): its whole text is looked for first.
    if piece.isdecimal():
        fit = texts.whole(piece)
        return Identity(int(piece), len(piece), fit.positions if fit.exact else (), either=fit.exact)
    if (fit := texts.find(piece)).positions:
        return Identity(texts=fit.positions, exact=fit.exact, letters=len(piece), whole=fit.whole)
    if (plain := _unescaped(piece)) != piece:
        return identify(plain, texts)
    bare = piece.strip(_ENDS)
    if _DATE.fullmatch(bare):
        return Identity()
    if match := _NUMBER.fullmatch(bare):
        return Identity(number=int(match[1]), digits=len(match[1]))
    if match := _NUMBER_AND_WORDS.fullmatch(bare):
        fit = texts.find(match[2])
        words = not fit.positions
        return Identity(
            *(int(match[1]), len(match[1]), fit.positions, words, fit.exact),
            rest=compact(match[2]) if words else "",
            letters=len(match[2]),
            whole=fit.whole,
        )
    return Identity()


def _unescaped(piece: str) -> str:
    """`piece` as it was before a browser, a page or `unzip` wrote its letters as codes (%E7%8C%AB, &#39;, #U732b)."""
    if not _ESCAPED.search(piece):
        return piece
    plain = html.unescape(unquote(piece, errors="replace"))
    return re.sub(r"#U([0-9A-Fa-f]{4})", lambda found: chr(int(found[1], 16)), plain).rstrip("\ufffd")


def sample_label(stem: str) -> int | None:
    """The sample number that a file's stem ends in ("3", "img_3", "00012_3", "ComfyUI_00003_"), None without one."""
    match = _LABEL.fullmatch(stem.strip(_ENDS))
    return int(match[1]) if match else None


def is_sample_word(word: str) -> bool:
    """Whether a word stands before samples' numbers ("img")."""
    return _SAMPLE_WORDS.fullmatch(word) is not None


def sample_folder(folder: str) -> int | None:
    """The sample number of a folder that says so ("sample_3", "seed 3"), None for any other."""
    match = _SAMPLE_FOLDER.fullmatch(folder.strip())
    return int(match[1]) if match else None


def is_grid(stem: str) -> bool:
    """Whether a file is called as generators call a picture of several samples beside each other ("grid-0000")."""
    return _GRID.fullmatch(stem.strip(_ENDS)) is not None


def split_pair(stem: str) -> tuple[str, int] | None:
    """A stem that holds prompt and sample ("00012_3", "a-brown-bird_3", "a brown bird (3)", "p12s3"), taken in two."""
    bare = stem.strip(_ENDS)
    match = _PAIR.fullmatch(bare) or _PAIR_BY_WORDS.fullmatch(bare)
    return (match[1], int(match[2])) if match and match[1].strip() else None


def sample_first(stem: str) -> tuple[int, str, bool] | None:
    """A stem that begins with the sample ("seed3_00012", "3_00012"): sample, the rest, and whether a word says so."""
    match = _SAMPLE_FIRST.fullmatch(stem.strip(_ENDS))
    return (int(match["sample"]), match["prompt"], bool(match["word"])) if match else None


def words_behind_numbers(stem: str) -> tuple[int, str] | None:
    """A stem of two numbers and words ("01234-987654321-a brown bird"): the second number and the words."""
    match = _NUMBERS_AND_WORDS.fullmatch(stem)
    return (int(match[1]), match[2]) if match else None


def by_service(stem: str) -> tuple[tuple[str, ...], int | None] | None:
    """What may be the prompt in a name as DALL-E's and Midjourney's pages give it, and the sample; None for others.

    Before Midjourney's prompt stands a name of a person, which may itself have words; behind it may stand parameters.
    """
    match = _SERVICE.fullmatch(stem)
    if match is None:
        return None
    if match["dalle"]:
        return (match["dalle"],), None
    words = match["midjourney"].partition("_--")[0].split("_")
    starts = range(1, min(len(words), 6))
    return tuple("_".join(words[at:]) for at in starts), int(match["sample"]) if match["sample"] else None


def counter(stem: str) -> tuple[int, int] | None:
    """The number that a generator counts its files by ("ComfyUI_00001_", "image (1)"), and its digits; None without
    one, or where the name holds another number beside it.
    """
    match = _COUNTER.fullmatch(stem.strip(_ENDS))
    return (int(match[1]), len(match[1])) if match else None
