"""A page as one file: styles and images stand in it, and nothing of it needs the server that made it.

What only works there is left out: scripts, forms, navigation, buttons, links to other pages. It is shown light, since a
figure for light and for dark pages each would double the file.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from html import escape
from html.parser import HTMLParser
from urllib.parse import quote

Fetched = tuple[str, bytes]
"""A media type, and the file."""
Fetch = Callable[[str], Fetched | None]
"""Gives the file at an address of the page; None where there is none."""

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
LEFT_OUT_TAGS = frozenset({"script", "noscript", "form", "button", "nav", "iframe", "template", "dialog"})
LEFT_OUT_CLASSES = frozenset(
    {"site-header", "site-footer", "actions", "downloads", "crumbs", "help-link", "no-print", "skip"}
)
ELSEWHERE = ("http://", "https://", "mailto:")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What the file may do: show what stands in it. It runs nothing and loads nothing."""
KEPT_AS_SVG = "!$&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~ "
"""Letters of SVG that a data address has as they are."""


def one_file(page: str, fetch: Fetch) -> bytes:
    """`page`, HTML as the server answers it, as a file for itself. The same page and files give the same bytes."""
    writer = _Writer(fetch)
    writer.feed(page)
    writer.close()
    return "".join(writer.parts).encode()


def data_address(fetched: Fetched) -> str:
    """A file as an address: SVG as text, which is shorter, all else as base64."""
    kind, data = fetched
    if kind == "image/svg+xml":
        return f"data:image/svg+xml,{quote(data, safe=KEPT_AS_SVG)}"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


class _Writer(HTMLParser):
    """Writes what it reads, with the changes that `one_file` names."""

    def __init__(self, fetch: Fetch) -> None:
        super().__init__(convert_charrefs=False)
        self.fetch = fetch
        self.parts: list[str] = []
        self.skipped, self.depth = "", 0  # what is left out now, and how many of its kind are open in it

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if self.depth:
            self.depth += tag == self.skipped
            return
        if tag in LEFT_OUT_TAGS or LEFT_OUT_CLASSES & set((given.get("class") or "").split()):
            self.skipped, self.depth = tag, int(tag not in VOID)
            return
        if tag == "link":
            self._link(given)
        elif tag == "source":
            self._source(given)
        elif tag == "meta" and given.get("name") == "color-scheme":
            self._write(tag, given | {"content": "light"})
        elif tag == "meta" and (given.get("name") or "").startswith("htmx"):
            pass
        elif tag == "head":
            self._write(tag, given)
            self._write("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY})
        elif tag == "html":
            self._write(tag, given | {"data-theme": "light"})
        elif tag == "img":
            self._image(given)
        elif tag == "a" and not (given.get("href") or "").startswith(("#", *ELSEWHERE)):
            self._write(tag, {name: value for name, value in given.items() if name != "href"})
        else:
            self._write(tag, {name: value for name, value in given.items() if not name.startswith(("on", "hx-"))})

    def handle_endtag(self, tag: str) -> None:
        if self.depth:
            self.depth -= tag == self.skipped
        elif tag not in VOID:
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._text(data)

    def handle_entityref(self, name: str) -> None:
        self._text(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._text(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self._text(f"<!{decl}>")

    def _text(self, text: str) -> None:
        if not self.depth:
            self.parts.append(text)

    def _write(self, tag: str, attributes: dict[str, str | None]) -> None:
        written = "".join(
            f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in attributes.items()
        )
        self.parts.append(f"<{tag}{written}>")

    def _link(self, given: dict[str, str | None]) -> None:
        """A sheet of styles stands in the file; an icon is left out."""
        fetched = self.fetch(given.get("href") or "") if given.get("rel") == "stylesheet" else None
        if fetched is not None:
            self.parts.append(f"<style>\n{_styles(fetched[1].decode())}\n</style>")

    def _source(self, given: dict[str, str | None]) -> None:
        """A figure for narrow pages is kept, one for dark pages is not."""
        if "dark" in (given.get("media") or ""):
            return
        fetched = self.fetch(given.get("srcset") or "")
        if fetched is not None:
            self._write("source", given | {"srcset": data_address(fetched).replace(" ", "%20")})

    def _image(self, given: dict[str, str | None]) -> None:
        fetched = self.fetch(given.get("src") or "")
        if fetched is None:
            self.parts.append(f"<em>{escape(given.get('alt') or '')}</em>")
            return
        plain = {name: value for name, value in given.items() if name not in ("srcset", "loading")}
        self._write("img", plain | {"src": data_address(fetched)})


def _styles(text: str) -> str:
    """Styles that can't end the element that they stand in, and load nothing."""
    loads = re.compile(r"@import[^;]*;|@font-face\s*\{[^}]*\}")
    return loads.sub("", text).replace("</", "<\\/")
