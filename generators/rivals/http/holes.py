"""Holes of templates filled, and places in answers looked up. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from common.json_in import Json

_HOLE = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)?)\}")

_LEFT_OUT = object()


def fill(template: Json, holes: Mapping[str, Json]) -> Json:
    """`template` with its holes filled. A text that is one hole becomes the hole's value, of its kind; a field or entry
    whose hole is empty (None) is left out, and an object of which nothing is left. What stands in braces and is no
    hole stays.
    """
    filled = _filled(template, holes)
    return None if filled is _LEFT_OUT else filled  # type: ignore[return-value]


def fill_path(template: str, holes: Mapping[str, Json]) -> str:
    """An address with its holes filled. What fills a hole is quoted, so that it stays one piece of the address; a whole
    address in a hole at the beginning (one that the service gave) is taken as it is.
    """
    whole = _HOLE.match(template)
    if whole and isinstance(address := holes.get(whole[1]), str) and address.startswith(("https://", "http://")):
        return address + fill_path(template[whole.end() :], holes)
    return _HOLE.sub(lambda hole: _quoted(hole, holes), template)


def fill_text(template: str, holes: Mapping[str, Json]) -> str:
    """A path in an answer, or a header, with its holes filled."""
    return _HOLE.sub(lambda hole: hole[0] if holes.get(hole[1]) is None else str(holes[hole[1]]), template)


def _filled(template: Json, holes: Mapping[str, Json]) -> object:
    if isinstance(template, dict):
        filled = {name: _filled(value, holes) for name, value in template.items()}
        there = {name: value for name, value in filled.items() if value is not _LEFT_OUT}
        return _LEFT_OUT if template and not there else there
    if isinstance(template, list):
        return [value for value in (_filled(value, holes) for value in template) if value is not _LEFT_OUT]
    if not isinstance(template, str):
        return template
    whole = _HOLE.fullmatch(template)
    if whole and whole[1] in holes:
        value = holes[whole[1]]
        return _LEFT_OUT if value is None else value
    return _HOLE.sub(lambda hole: str(holes[hole[1]]) if holes.get(hole[1]) is not None else hole[0], template)


def _quoted(hole: re.Match[str], holes: Mapping[str, Json]) -> str:
    value = holes.get(hole[1])
    return hole[0] if value is None else quote(str(value), safe="/" if hole[1] == "model" else "")


def look_up(answer: Json, path: str) -> Iterator[Json]:
    """What stands at `path` in an answer: `data.0.url`; `*` is any entry of a list or object. "" is all of it."""
    yield from _at(answer, path.split(".") if path else [])


def _at(answer: Json, pieces: Sequence[str]) -> Iterator[Json]:
    if not pieces:
        yield answer
        return
    piece, rest = pieces[0], pieces[1:]
    if piece == "*":
        entries = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ()
        for entry in entries:
            yield from _at(entry, rest)
    elif isinstance(answer, dict) and piece in answer:
        yield from _at(answer[piece], rest)
    elif isinstance(answer, list) and piece.isdecimal() and int(piece) < len(answer):
        yield from _at(answer[int(piece)], rest)


def first_text(answer: Json, paths: Sequence[str]) -> str:
    """The first text that is not empty at one of `paths`; "" where there is none."""
    for path in paths:
        for value in look_up(answer, path):
            if isinstance(value, str) and value.strip():
                return value
    return ""
