"""From bytes to text: size, encoding, and files that are no text at all."""

import codecs
import os
from pathlib import Path

from evaluation.suites.types import SuiteError

MAX_TEXT_BYTES = 64 * 2**20
MAX_JSON_BYTES = 256 * 2**20
"""COCO's largest caption file has 92 MB; a parsed one takes about ten times its size in memory."""

_BOMS = (  # UTF-32 before UTF-16: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive or an Excel or LibreOffice workbook", "save the sheet as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV (UTF-8)"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"PAR1", "a Parquet file", "export it as CSV or JSONL"),
    (b"%PDF", "a PDF", "copy its prompts to a text file, one per line"),
    (b"\x89PNG", "a PNG image", "give the list of prompts"),
    (b"\xff\xd8\xff", "a JPEG image", "give the list of prompts"),
)


def read_bytes(path: Path) -> bytes:
    """The file's bytes, at most one more than `check_size` allows.

    SuiteError for a path that is no regular file or can't be read.
    """
    try:
        if not path.exists():
            raise SuiteError(
                f"There is no file {str(path)!r}. Check the path; it starts from the folder {os.getcwd()!r}."
            )
        if not path.is_file():
            raise SuiteError(f"{str(path)!r} is a folder or a device. Give one file with prompts.")
        with path.open("rb") as file:
            data = file.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise SuiteError(f"{str(path)!r} can't be read: {error.strerror}.") from error
    return data


def check_size(data: bytes) -> None:
    """SuiteError above 64 MiB, or above 256 MiB for what looks like JSON."""
    looks_like_json = data[:64].lstrip(codecs.BOM_UTF8 + b" \t\r\n")[:1] in (b"{", b"[")
    limit = MAX_JSON_BYTES if looks_like_json else MAX_TEXT_BYTES
    if len(data) > limit:
        kind = "JSON" if looks_like_json else "a table or text"
        raise SuiteError(f"It has more than {limit // 2**20} MiB, the limit for {kind}. Split it into several suites.")


def decode(data: bytes) -> str:
    """Text from UTF-8 with or without byte order mark, or UTF-16 or UTF-32 with one.

    SuiteError names the first byte that does not fit and its line, or says what the file is where it is no text.
    """
    if not data:
        raise SuiteError("It is empty. Give a file with at least one prompt, for example one per line.")
    for signature, kind, advice in _SIGNATURES:
        if data.startswith(signature):
            raise SuiteError(f"It is {kind}, not a list of prompts: {advice}.")
    encoding, start = "utf-8", 0
    for bom, name in _BOMS:
        if data.startswith(bom):
            encoding, start = name, len(bom)
            break
    try:
        text = data[start:].decode(encoding)
    except UnicodeDecodeError as error:
        raise SuiteError(_broken(data, encoding, start, error)) from error
    if "\0" in text:
        raise SuiteError(_with_nul(text))
    if not text.strip():
        raise SuiteError(
            "It contains only white space. Give a file with at least one prompt, for example one per line."
        )
    if text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        raise SuiteError(
            "It is a web page, not a list of prompts: the address asks for a sign-in, or shows the file instead of"
            " giving it. Download the file itself, for example with the page's own button for CSV."
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
    return f"Line {line:,} has a NUL byte: not text, or damaged. Give CSV, TSV, JSON, JSONL or plain text."
