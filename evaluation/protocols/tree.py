"""A declaration before it means anything: values with their place in the file, read with typed errors.

A YAML file is taken event by event, so that size and depth are bounded before anything is built, a key that stands
twice is seen, and anchors and aliases (by which a few lines can stand for gigabytes) are refused. What a plain word
means is decided by what is expected where it stands: `yes` as the id of an answer is the text "yes".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

import yaml

from evaluation.protocols.errors import Path, ProtocolError

MOST_BYTES = 128 * 1024
"""Of a protocol's file; the longest of ours has a tenth of that."""
MOST_DEPTH = 12
"""Lists and mappings inside one another; a protocol needs five."""

_INTEGER = re.compile(r"[-+]?[0-9]{1,15}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")

Value: TypeAlias = "None | bool | int | float | str | tuple[Item, ...] | dict[str, Item]"


@dataclass(frozen=True, slots=True)
class Item:
    """A value with its place.

    `text`: a scalar as it was written. `line`, `column`: of the key where it has one, from 1; None where it came from
    no file. `source`: the file's name.
    """

    value: Value
    path: Path = ()
    text: str = ""
    line: int | None = None
    column: int | None = None
    source: str = ""

    def fail(self, reason: str) -> NoReturn:
        """Raise a ProtocolError that names this place."""
        raise ProtocolError(reason, path=self.path, source=self.source, line=self.line, column=self.column)

    def nearest_to(self, path: Path) -> Item:
        """The part at `path`, or the innermost part on the way there that exists."""
        item = self
        for step in path:
            value = item.value
            if isinstance(value, tuple):
                value = {str(at): each for at, each in enumerate(value)}
            if not isinstance(value, dict) or str(step) not in value:
                break
            item = value[str(step)]
        return item


def item_of(data: object, path: Path = ()) -> Item:
    """The tree of plain values, such as JSON's.

    Raises:
        ProtocolError: a value is none of JSON's.
    """
    if isinstance(data, Mapping):
        return Item({str(key): item_of(each, (*path, str(key))) for key, each in data.items()}, path)
    if isinstance(data, list | tuple):
        return Item(tuple(item_of(each, (*path, at)) for at, each in enumerate(data)), path)
    if data is None or isinstance(data, bool | int | float | str):
        return Item(data, path, text="" if data is None else str(data))
    raise ProtocolError(f"{data!r} is no value that a protocol can hold", path=path)


def item_of_yaml(data: bytes, source: str) -> Item:
    """The tree of a YAML file's bytes. `source`: the file's name, for messages.

    Raises:
        ProtocolError: too large, no UTF-8, no YAML, several documents, an anchor or alias, a tag, a key twice, or too
            deep; with line and column.
    """
    if len(data) > MOST_BYTES:
        reason = f"the file has {len(data):,} bytes; at most {MOST_BYTES:,} are allowed"
        raise ProtocolError(reason, source=source)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProtocolError("the file is not UTF-8 here; save it as UTF-8", source=source, line=line) from error
    try:
        return _Builder(source).build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (None, None)
        reason = (
            f"this is not YAML: {error.problem or error.context}. Check the indentation (blanks, no tabs), and put "
            "texts with a colon, question mark or bracket in quotation marks"
        )
        raise ProtocolError(reason, source=source, line=place[0], column=place[1]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"the character U+{ord(text[error.position]):04X} can't stand in a file of YAML; remove it"
        raise ProtocolError(reason, source=source, line=line) from error


class _Open:
    """A list or mapping that is being read."""

    def __init__(self, item: Item, *, mapping: bool) -> None:
        self.item = item
        self.list: list[Item] = []
        self.dict: dict[str, Item] = {}
        self.mapping = mapping
        self.key: Item | None = None


class _Builder:
    """Builds the tree from the parser's events."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.stack: list[_Open] = []
        self.whole: Item | None = None

    def build(self, text: str) -> Item:
        documents = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._place(event).fail("a second document begins here (---); a file holds one protocol")
            elif isinstance(event, yaml.AliasEvent):
                self._place(event).fail(f"aliases (*{event.anchor}) are not allowed; write the value out again")
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
        if self.whole is None or self.whole.value is None:
            raise ProtocolError("the file is empty; it needs at least name and questions", source=self.source)
        return self.whole

    def _node(self, event: yaml.NodeEvent) -> None:
        place = self._place(event)
        if event.anchor is not None:
            place.fail(f"anchors (&{event.anchor}) are not allowed; write the value out where it is needed")
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            place.fail(f"tags ({tag}) are not allowed; write the value without one")
        if isinstance(event, yaml.ScalarEvent):
            plain = event.style is None and event.implicit[0]
            value = _plain(event.value) if plain else event.value
            self._add(Item(value, place.path, event.value, place.line, place.column, self.source))
        elif len(self.stack) >= MOST_DEPTH:
            place.fail(f"more than {MOST_DEPTH} lists and mappings stand inside one another")
        else:
            self.stack.append(_Open(place, mapping=isinstance(event, yaml.MappingStartEvent)))

    def _close(self) -> None:
        done = self.stack.pop()
        value: Value = dict(done.dict) if done.mapping else tuple(done.list)
        self._add(Item(value, done.item.path, "", done.item.line, done.item.column, self.source))

    def _add(self, item: Item) -> None:
        if not self.stack:
            self.whole = item
            return
        top = self.stack[-1]
        if not top.mapping:
            top.list.append(item)
        elif top.key is None:
            if isinstance(item.value, dict | tuple):
                item.fail("a key must be a word, not a list or mapping")
            if item.text in top.dict:
                item.fail(f"the key {item.text!r} stands twice; keep one of them")
            top.key = item
        else:
            top.dict[top.key.text] = item
            top.key = None

    def _place(self, event: yaml.Event) -> Item:
        """An empty item at the place of what begins here; a value's place is its key's."""
        mark = event.start_mark
        assert mark is not None
        line, column = mark.line + 1, mark.column + 1
        path: Path = ()
        if self.stack:
            top = self.stack[-1]
            path = top.item.path
            if not top.mapping:
                path = (*path, len(top.list))
            elif top.key is not None:
                path, line, column = (*path, top.key.text), top.key.line or line, top.key.column or column
        return Item(None, path, "", line, column, self.source)


def _plain(text: str) -> Value:
    """What a plain word means where nothing else is expected: YAML 1.2's core schema."""
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
