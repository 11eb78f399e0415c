"""The prompt that a generator wrote into the image file itself. Pure: bytes in, no pixel is decoded.

Read are the texts of a PNG by AUTOMATIC1111 and Forge (`parameters`), Fooocus and SwarmUI (the same, as JSON), ComfyUI
(`prompt`, its graph), InvokeAI (`invokeai_metadata`, before it `sd-metadata`, `Dream`), NovelAI (`Comment`) and
Midjourney (`Description`), and the comment in EXIF, where AUTOMATIC1111 and SwarmUI put theirs in JPEG and WebP.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping

from common.json_in import JsonError, read_json
from common.text import bad_character

MOST_BYTES = 2**20
"""Of one text in an image; graphs of ComfyUI take some tens of kilobytes."""
MOST_TEXTS = 50
MOST_PROMPT = 8_000
"""Letters; a longer text is no prompt."""

_AFTER_PROMPT = re.compile(r"\n(?:Negative prompt:|Steps: )")
_MIDJOURNEY = re.compile(r"\s+(?:--\w|Job ID:)", re.IGNORECASE)
_DREAM = re.compile(r'"(.*)"\s*-\w', re.DOTALL)
_LINKS = 12
"""Nodes of a ComfyUI graph between the sampler and the text."""


def embedded_prompt(data: bytes) -> str:
    """The prompt in the image file `data`, "" where there is none that is known to be one."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        for key, text in _png_texts(data):
            read = _READERS.get(key)
            if read is not None and (prompt := _plain(read(text))):
                return prompt
        return ""
    if data[:2] == b"\xff\xd8" or data[8:12] == b"WEBP":
        return _plain(_parameters(_exif_comment(data)))
    return ""


def _plain(text: str) -> str:
    text = " ".join(text.split())
    return "" if len(text) > MOST_PROMPT or bad_character(text) is not None else text


def _png_texts(data: bytes) -> Iterator[tuple[str, str]]:
    """(key, text) of the chunks of texts. Broken ones are passed over: what the pixels are is not asked here."""
    at, seen = 8, 0
    while at + 12 <= len(data) and seen < MOST_TEXTS:
        length, kind = struct.unpack_from(">I4s", data, at)
        body, at = data[at + 8 : at + 8 + min(length, MOST_BYTES)], at + 12 + length
        if kind not in (b"tEXt", b"zTXt", b"iTXt") or length > MOST_BYTES:
            continue
        seen += 1
        key, _, rest = body.partition(b"\0")
        if kind == b"tEXt":
            text: bytes | None = rest
        elif kind == b"zTXt":
            text = _inflated(rest[1:])
        else:
            packed = rest[:1] == b"\1"
            text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
            text = _inflated(text) if packed else text
        if text is not None:
            yield key.decode("latin-1"), _decoded(text)


def _inflated(data: bytes) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(data, MOST_BYTES)
    except zlib.error:
        return None


def _decoded(data: bytes) -> str:
    """Programs write UTF-8 where the format says Latin-1."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _exif_comment(data: bytes) -> str:
    """EXIF's UserComment, as A1111 writes it: UTF-16 behind the word UNICODE. "" where there is none."""
    head = data if data[8:12] == b"WEBP" else data[: 2**17]  # WebP has it at the end
    at = head.find(b"UNICODE\0")
    if at < 0 or b"Exif" not in data[:64] and b"EXIF" not in head:
        return ""
    raw = head[at + 8 : at + 8 + 2 * MOST_PROMPT]
    text = raw[: len(raw) // 2 * 2].decode("utf-16-le" if raw[1:2] == b"\0" else "utf-16-be", "replace")
    return re.split("[\0\ufffd]", text, maxsplit=1)[0]


def _parameters(text: str) -> str:
    if text.lstrip().startswith("{"):
        return _field("sui_image_params", "prompt")(text) or _field("prompt")(text)
    return _AFTER_PROMPT.split("\n" + text, maxsplit=1)[0]


def _midjourney(text: str) -> str:
    return _MIDJOURNEY.split(text, maxsplit=1)[0] if _MIDJOURNEY.search(text) else text


def _dream(text: str) -> str:
    found = _DREAM.match(text)
    return found[1] if found else ""


def _json(text: str) -> object:
    try:
        return read_json(text)
    except JsonError:
        return None


def _field(*names: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        found = _json(text)
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
            if isinstance(found, list) and found:
                found = found[0]
        return found if isinstance(found, str) else ""

    return read


def _graph(text: str) -> str:
    """The text at the positive end of ComfyUI's samplers, if they all have the same; or a plain prompt."""
    graph = _json(text)
    if not isinstance(graph, Mapping):
        return "" if text.lstrip()[:1] in ("{", "[") else text
    nodes = {key: node["inputs"] for key, node in graph.items() if isinstance(node, Mapping) and "inputs" in node}
    starts = [each["positive"] for each in nodes.values() if isinstance(each, Mapping) and "positive" in each]
    if not starts:  # samplers of Flux have a guider with one conditioning
        starts = [
            each["conditioning"] for each in nodes.values() if isinstance(each, Mapping) and "conditioning" in each
        ]
    found = {text for start in starts if (text := _text_at(start, nodes, _LINKS))}
    return found.pop() if len(found) == 1 else ""


def _text_at(link: object, nodes: Mapping[str, object], most: int) -> str:
    if isinstance(link, str):
        return link
    inputs = nodes.get(str(link[0])) if isinstance(link, list) and link and most else None
    if not isinstance(inputs, Mapping):
        return ""
    for name in ("text", "text_g", "t5xxl", "clip_l", "string", "value", "conditioning", "positive"):
        if name in inputs and (text := _text_at(inputs[name], nodes, most - 1)):
            return text
    return ""


_READERS: Mapping[str, Callable[[str], str]] = {
    "parameters": _parameters,
    "prompt": _graph,
    "invokeai_metadata": _field("positive_prompt"),
    "sd-metadata": _field("image", "prompt", "prompt"),
    "Dream": _dream,
    "Description": _midjourney,
    "Comment": _field("prompt"),
}
