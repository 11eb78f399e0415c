"""A page of the site as one file that needs no server: images and styles inside, nothing that leads back or sends.

The file keeps to a policy of its own, in its head: no address is opened, no script runs but that whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import evaluation

VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
LEFT_OUT = frozenset(["script", "link", "form", "button", "nav", "template", "iframe", "object", "dialog"])
"""Elements that say nothing without the site."""
LEFT_OUT_CLASSES = frozenset(
    {"skip", "site-header", "site-footer", "downloads", "crumbs", "actions", "docs-link", "help-link", "no-print"}
)
KEPT_ADDRESSES = ("#", "https://", "http://", "mailto:")
PROGRAM = ("distributions.js", "variances.js", "rates.js", "recompute.js")
"""The scripts that compute a report again, in their order."""
MORE_STYLE = "#recompute-outcome table { font-size: 0.85em; }"

KEPT_OF_SVG = "!$&'()*+,-./:;=?@_~ "
"""Signs of SVG that a data address has as they are."""
LOADS = re.compile(r"@import[^;]*;|@font-face\s*\{[^}]*\}")
"""What a stylesheet would load."""

Fetch = Callable[[str], tuple[bytes, str] | None]
"""Bytes and media type of an image by its address on the site; None to leave it out."""


def one_file(
    page: str, *, fetch: Fetch, styles: Callable[[str], str], carried: Mapping[str, object] | None = None
) -> str:
    """`page`, whole HTML of ours, as a file. `styles`: a stylesheet's text by its address on the site. `carried`:
    `ratings` (`carried.packed`) and `results` (JSON values), for a button that computes them again; None: no script.
    """
    reader = _Reader(fetch)
    reader.feed(page)
    reader.close()
    loaded = "\n".join([*(styles(address) for address in reader.styles), MORE_STYLE])
    style = LOADS.sub("", loaded).replace("</", "<\\/")
    script = program() if carried is not None else ""
    body = "".join(reader.parts)
    if carried is not None:
        body = body.replace("</main>", f"{_again(carried)}</main>", 1)
        body = body.replace("</body>", f"<script>{script}</script></body>", 1)
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    if script:
        policy += f"; script-src '{_hash(script)}'"
    head = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}"><style>{style}</style>'
    return body.replace("</head>", f"{head}</head>", 1)


def data_address(data: bytes, kind: str) -> str:
    """A file as an address. `kind`: its media type. SVG as text, which is shorter, all else as base64."""
    if kind == "image/svg+xml":
        return f"data:{kind},{quote(data, safe=KEPT_OF_SVG)}"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def program() -> str:
    """The text of the script that computes a report again."""
    folder = Path(str(evaluation.__file__)).parent / "static" / "evaluation" / "report"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in PROGRAM)


def _again(carried: Mapping[str, object]) -> str:
    """The section with the button, and the data as blocks that no browser runs."""
    results = json.dumps(carried["results"], ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    results = results.replace("<", "\\u003c")  # so that no label ends the block
    return (
        '<section aria-labelledby="recompute-here"><h2 id="recompute-here">Compute it again, here</h2>'
        "<p>This file carries its ratings, with pseudonyms for raters, and a second program, written from the formulas "
        "in the documentation and independent of the first. It computes all shares, net shares and intervals of pairs "
        "from these ratings, in this browser and without a network, and compares them with this report's own, to nine "
        "digits.</p>"
        "<noscript><p>The button needs JavaScript; all else here does not.</p></noscript>"
        '<p><button type="button" id="recompute-button" hidden>Compute again</button></p>'
        '<div id="recompute-outcome" role="status" tabindex="-1"></div>'
        f'<script type="application/json" id="carried-results">{results}</script>'
        f'<script type="application/octet-stream" id="carried-ratings">{carried["ratings"]}</script></section>'
    )


class _Reader(HTMLParser):
    """Writes a page anew, without what needs the site."""

    def __init__(self, fetch: Fetch) -> None:
        super().__init__(convert_charrefs=False)
        self.fetch = fetch
        self.parts: list[str] = []
        self.styles: list[str] = []
        self.skipped: list[str] = []  # open elements, from the one that is left out

    def handle_decl(self, decl: str) -> None:
        self.parts.append(f"<!{decl}>")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if not self.skipped and tag == "link" and values.get("rel") == "stylesheet":
            self.styles.append(values.get("href", ""))
        if self.skipped or _is_left_out(tag, values):
            if tag not in VOID:
                self.skipped.append(tag)
            return
        kept = {name: value for name, value in values.items() if _is_kept(name, value)}
        if tag == "img":
            found = self.fetch(values.get("src", ""))
            if found is None:  # what it would show stands in its place
                self.parts.append(f"<em>{html.escape(values.get('alt', ''))}</em>")
                return
            kept["src"] = data_address(*found)
        elif tag == "source":  # a figure's forms for narrow windows and for dark ones
            found = self.fetch(values.get("srcset", ""))
            if found is None:
                return
            kept["srcset"] = data_address(*found).replace(" ", "%20")
        written = "".join(f' {name}="{html.escape(value)}"' for name, value in kept.items())
        self.parts.append(f"<{tag}{written}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.skipped:
            self.parts.append(f"</{tag}>")
        elif tag in self.skipped:  # the innermost of that name, and what its author left open inside
            while self.skipped.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")


def _is_left_out(tag: str, values: Mapping[str, str]) -> bool:
    classes = set(values.get("class", "").split())
    return (
        (tag in LEFT_OUT and not (tag == "nav" and "contents" in classes))
        or values.get("role") == "button"
        or bool(LEFT_OUT_CLASSES & classes)
        or (tag == "meta" and values.get("name") == "htmx-config")
    )


def _is_kept(name: str, value: str) -> bool:
    if name in ("href", "cite"):
        return value.startswith(KEPT_ADDRESSES)
    if name == "src":
        return value.startswith("data:")
    # not loading: a browser that prints the file has images ready that nobody scrolled to
    return name not in ("srcset", "style", "action", "formaction", "loading") and not name.startswith(("on", "hx-"))
