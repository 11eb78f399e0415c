"""The documentation as pages of the site: docs/*.md as HTML, with links that lead to the site's own addresses.

It works without a network. Everybody may read it: it lies open in the repository, holds no secret, and whoever can't
sign in needs it most. Knows no Django.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from common.places import CHECKOUT, DOCUMENTATION, PICTURES

ADDRESS = "/docs/"
INDEX = ""
"""The name of the page that leads to the others: the repository's README.md."""

IMAGE_TYPES = {".png": "image/png", ".webp": "image/webp", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading below the title. `anchor`: as GitHub makes it, so that links work in both places. `level`: 2 to 6."""

    anchor: str
    title: str
    level: int


@dataclass(frozen=True, slots=True)
class DocumentationPage:
    """One page. `html`: all of it, with its title as h1; raw HTML of the source is shown as text."""

    name: str
    title: str
    html: str
    sections: tuple[Section, ...]

    def heading(self, anchor: str) -> str:
        """The heading at `anchor`; the page's title for none."""
        return next((each.title for each in self.sections if each.anchor == anchor), self.title)


def names() -> Mapping[str, Path]:
    """The file of each page by the page's name; a folder's README.md has the folder's name."""
    found: dict[str, Path] = {}
    if (CHECKOUT / "README.md").exists():
        found[INDEX] = CHECKOUT / "README.md"
    for path in sorted(DOCUMENTATION.rglob("*.md")):
        name = path.relative_to(DOCUMENTATION).with_suffix("").as_posix()
        found[name.removesuffix("README").rstrip("/")] = path
    return found


def address(name: str, anchor: str = "") -> str:
    """Where the site has a page."""
    return f"{ADDRESS}{name}/".replace("//", "/") + (f"#{anchor}" if anchor else "")


def page(name: str) -> DocumentationPage:
    """The page called `name`, rendered again only once its file has changed.

    Raises:
        LookupError: there is none.
    """
    path = names()[name]
    return _rendered(name, path, path.stat().st_mtime_ns)


def image(name: str) -> Path:
    """The picture called `name`, of those that lie in docs/images.

    Raises:
        LookupError: there is none.
    """
    return {path.name: path for path in PICTURES.iterdir() if path.suffix in IMAGE_TYPES}[name]


def anchor_of(title: str, taken: Sequence[str] = ()) -> str:
    """The anchor of a heading, by GitHub's rule; `taken`: those further up the page."""
    plain = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
    anchor, n = plain, 0
    while anchor in taken:
        n += 1
        anchor = f"{plain}-{n}"
    return anchor


@lru_cache(maxsize=64)
def _rendered(name: str, path: Path, changed: int) -> DocumentationPage:
    tokens = PARSER.parse(path.read_text(encoding="utf-8"))
    headings: list[Section] = []
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            title = _plain(tokens[at + 1])
            anchor = anchor_of(title, [each.anchor for each in headings])
            headings.append(Section(anchor, title, int(token.tag[1:])))
            token.attrSet("id", anchor)
        elif token.type in ("th_open", "td_open"):
            _align_by_class(token)
        elif token.type == "html_block":
            token.content = _shown_as_text(token.content)
        elif token.type == "inline":
            token.children = list(_linked(token.children or [], path))
    title = next((each.title for each in headings if each.level == 1), name)
    html = PARSER.renderer.render(tokens, PARSER.options, {})
    return DocumentationPage(name, title, html, tuple(each for each in headings if each.level > 1))


def _linked(children: Sequence[Token], path: Path) -> Iterator[Token]:
    """`children` of a paragraph with links and pictures that work on the site.

    A link into the source tree becomes the path that it names: the site does not serve its source.
    """
    at = 0
    while at < len(children):
        child = children[at]
        if child.type == "html_inline":
            child.content = _shown_as_text(child.content)
        elif child.type == "image":
            child.attrSet("src", site_address(str(child.attrs.get("src", "")), path) or "")
            child.attrSet("loading", "lazy")
        elif child.type == "link_open":
            href = str(child.attrs.get("href", ""))
            there = site_address(href, path)
            if there is None:
                close = next(n for n in range(at, len(children)) if children[n].type == "link_close")
                yield from _path_in_place_of_link(children[at + 1 : close], _in_repository(href, path))
                at = close + 1
                continue
            child.attrSet("href", there)
        yield child
        at += 1


def site_address(href: str, path: Path) -> str | None:
    """Where the site has what a link of the file `path` leads to; None for a file of the source tree."""
    parts = urlsplit(href)
    if parts.scheme or not parts.path:
        return href
    target = _in_repository(href, path)
    if target.startswith("docs/images/"):
        return f"{ADDRESS}images/{posixpath.basename(target)}"
    if target == "README.md":
        return address(INDEX, parts.fragment)
    if target.startswith("docs/") and target.endswith(".md"):
        name = target.removeprefix("docs/").removesuffix(".md").removesuffix("README").rstrip("/")
        return address(name, parts.fragment)
    return None


def _in_repository(href: str, path: Path) -> str:
    """The path from the repository's root that a relative link of `path` names."""
    folder = path.parent.relative_to(CHECKOUT).as_posix()
    return posixpath.normpath(posixpath.join(folder, urlsplit(href).path))


def _path_in_place_of_link(words: Sequence[Token], target: str) -> Iterator[Token]:
    """The link's words, with the path after them unless they say it themselves."""
    said = "".join(each.content for each in words)
    code = Token("code_inline", "code", 0, markup="`", content=target)
    if said.strip("/ ") in target:
        yield code
        return
    yield from words
    yield Token("text", "", 0, content=" (")
    yield code
    yield Token("text", "", 0, content=")")


def _plain(inline: Token) -> str:
    return "".join(each.content for each in inline.children or [] if each.type in ("text", "code_inline"))


def _shown_as_text(markup: str) -> str:
    """Raw HTML of the source, to be read and not to work. Comments, where programs put their tables, are left out."""
    return escapeHtml(re.sub(r"(?s)<!--.*?-->\n?", "", markup))


def _align_by_class(token: Token) -> None:
    """A cell's alignment as a class, since the policy of all pages forbids inline styles; heads say what they head."""
    style = str(token.attrs.pop("style", ""))
    if "right" in style:
        token.attrSet("class", "number")
    if token.tag == "th":
        token.attrSet("scope", "col")


def _table_open(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    """A table that scrolls by itself on narrow screens, also by keyboard."""
    env["tables"] = env.get("tables", 0) + 1
    return f'<div class="table" tabindex="0" role="region" aria-label="Table {env["tables"]}"><table>\n'


def _table_close(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    return "</table></div>\n"


def _code(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    return f'<pre tabindex="0"><code>{escapeHtml(tokens[at].content)}</code></pre>\n'


def _parser() -> MarkdownIt:
    """CommonMark with tables, as the documents use them. Raw HTML is found here and goes through `_shown_as_text`."""
    parser = MarkdownIt("commonmark").enable("table")
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    parser.add_render_rule("fence", _code)
    parser.add_render_rule("code_block", _code)
    return parser


PARSER = _parser()
