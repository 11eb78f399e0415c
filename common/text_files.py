"""From bytes to text: encodings, and files that are no text at all. For every file of text that a stranger gives."""

from __future__ import annotations

import codecs

from common.errors import UserError

_BOMS = (  # UTF-32 before UTF-16: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV (UTF-8)"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"PAR1", "a Parquet file", "export it as CSV or JSONL"),
    (
        b"version https://git-lfs.github.com/spec/",
        "a pointer of Git LFS",
        "fetch the file that it stands for: git lfs pull",
    ),
    (b"%PDF", "a PDF", "copy what you need of it to a text file, one line each"),
    (b"\x89PNG", "a PNG image", ""),
    (b"\xff\xd8\xff", "a JPEG image", ""),
)


HEAD = 1 << 16
"""Bytes of a file that its kind is known by."""


class TextFileError(UserError):
    """A file that is no text, or whose encoding is broken."""


def encoding_of(data: bytes) -> tuple[str, int]:
    """The encoding that a byte order mark names, and the mark's length; UTF-8 without one."""
    return next(((name, len(bom)) for bom, name in _BOMS if data.startswith(bom)), ("utf-8", 0))


def kind_of(data: bytes) -> tuple[str, str] | None:
    """What a file that is no text is, and what to do with it; None for one that may be text. `data`: its beginning."""
    if data.startswith(b"PK\x03\x04"):
        return _zip_kind(data)
    return next(((kind, advice) for signature, kind, advice in _SIGNATURES if data.startswith(signature)), None)


def _zip_kind(data: bytes) -> tuple[str, str]:
    """Of a zip archive, by the names of its first members."""
    head = data[:HEAD]
    if b"xl/" in head or head[30:49] == b"[Content_Types].xml":
        return "an Excel workbook", "save the sheet as CSV (UTF-8)"
    if b"mimetypeapplication/vnd.oasis.opendocument" in head:
        return "a LibreOffice document", "save the sheet as CSV (UTF-8)"
    return "a zip archive", "unpack it first"


def decode(data: bytes, *, wanted: str, example: str = "with at least one line") -> str:
    """Text from UTF-8 with or without byte order mark, or UTF-16 or UTF-32 with one.

    `wanted`: what the file should be, for messages ("a list of prompts"); `example`: and how.

    Raises:
        TextFileError: it is empty, no text, a web page, or a byte does not fit; the first such byte and its line are
            named.
    """
    if not data:
        raise TextFileError(f"It is empty. Give {wanted}, {example}.")
    if (known := kind_of(data)) is not None:
        kind, advice = known
        raise TextFileError(f"It is {kind}, not {wanted}: {advice or f'give {wanted}'}.")
    encoding, start = encoding_of(data)
    try:
        text = data[start:].decode(encoding)
    except UnicodeDecodeError as error:
        raise TextFileError(_broken(data, encoding, start, error)) from error
    if "\0" in text:
        raise TextFileError(_with_nul(text))
    if not text.strip():
        raise TextFileError(f"It contains only white space. Give {wanted}, {example}.")
    if text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        raise TextFileError(
            f"It is a web page, not {wanted}: the address asks for a sign-in, or shows the file instead of giving it. "
            "Download the file itself, for example with the page's own button for CSV."
        )
    return text


def _broken(data: bytes, encoding: str, start: int, error: UnicodeDecodeError) -> str:
    at = start + error.start
    if encoding != "utf-8":
        return (
            f"It begins with the mark of {encoding.upper()} but byte {at:,} (from 0) does not fit that encoding:"
            " the file is cut off or damaged. Save it again as UTF-8."
        )
    line_start = max(data.rfind(b"\n", 0, at), data.rfind(b"\r", 0, at)) + 1
    line = data[:at].replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
    message = f"Its encoding is broken: byte 0x{data[at]:02X} at line {line:,}, byte {at - line_start:,} of that line"
    message += f" (byte {at:,} of the file, all counted from 0 but the line), is not UTF-8."
    if _mostly_text(data):
        guess = data[max(line_start, at - 20) : at + 20].splitlines()[0].decode("cp1252", errors="replace")
        message += f" If this reads right, the file is Windows-1252: {guess!r}. Save it again as UTF-8."
    else:
        message += " It does not look like text. Give CSV, TSV, JSON, JSONL or plain text."
    return message


def _mostly_text(data: bytes) -> bool:
    head = data[:4096]
    return sum(byte < 32 and byte not in b"\t\r\n\f" for byte in head) < len(head) / 50


def _with_nul(text: str) -> str:
    line = text[: text.index("\0")].count("\n") + 1
    if text[:200].count("\0") > min(len(text), 200) / 4:
        return "It looks like UTF-16 without its byte order mark. Save it again as UTF-8."
    return f"Line {line:,} has a NUL byte (U+0000): not text, or damaged. Give CSV, TSV, JSON, JSONL or plain text."
