"""Pages, logs and scripts beside images, which may say what the images show or in which order the prompts were drawn:
Fooocus' log.html, a table in a README.md, the list of prompts in a script, a log's lines. Pure: text in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from urllib.parse import unquote

from common import text_files
from generators.filenames.names import without_extension

READ_LOOSELY = (".html", ".htm", ".md", ".log", ".yaml", ".yml", ".py", ".toml", ".ini", ".cfg")
MOST_BYTES = 4 * 2**20
"""A longer file of these is not looked at."""

_LABELS = ("prompt", "positive prompt", "caption", "text")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)+)\"|'((?:[^'\\]|\\.)+)'")
_MARKER = re.compile(r"(?:[-*+>]|\d+[.):]|\[[^\]]*\])\s+")
_LINKED = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)")


def loose_text(data: bytes) -> str:
    """The text of such a file, web pages too, with a mark for what can't be read; "" of one that is too long."""
    encoding, start = text_files.encoding_of(data)
    return data[start:].decode(encoding, errors="replace") if len(data) <= MOST_BYTES else ""


def loose_rows(text: str, name: str) -> Iterator[Mapping[str, object]]:
    """Rows of a page or of Markdown's tables: an image as "file", and what stands beside it."""
    if name.lower().endswith((".html", ".htm")):
        page = _Page()
        page.feed(text)
        page.close()
        yield from page.rows
    elif name.lower().endswith(".md"):
        for line in text.splitlines():
            cells = [_LINKED.sub(r"\1", cell).strip(" `*") for cell in line.strip().strip("|").split("|")]
            if "|" in line and len(cells) > 1:
                yield {str(at): cell for at, cell in enumerate(cells)}


def texts_in_order(text: str) -> Iterator[str]:
    """All that may be a prompt, from the top: lines, with and without what begins them, and what stands in quotes."""
    for line in filter(None, map(str.strip, text.splitlines())):
        bare = _MARKER.sub("", line, count=1).rstrip(",")
        yield bare.strip("\"'`")
        yield from (found[1] or found[2] for found in _QUOTED.finditer(line))
        parts = bare.split(": ")
        yield from (": ".join(parts[at:]).strip("\"'` ") for at in range(1, min(len(parts), 6)))


class _Page(HTMLParser):
    """Gathers a row for each image that a page shows or links to."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[dict[str, object]] = []
        self._labelled = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (tag, name) in (("img", "src"), ("a", "href")):
                file = unquote(value)
                if without_extension(file) != file and (not self.rows or self.rows[-1]["file"] != file):
                    self.rows.append({"file": file})

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not text or not self.rows:
            return
        row = self.rows[-1]
        if self._labelled:
            row.setdefault("prompt", text)
        self._labelled = text.casefold().rstrip(":") in _LABELS
        if "prompt" not in row:
            row[str(len(row))] = text
