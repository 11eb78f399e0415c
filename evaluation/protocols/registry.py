"""The protocols that come with the program, by name, and a researcher's own by file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from common.words import nearest
from evaluation.protocols import reading
from evaluation.protocols.coco_alignment import COCO_ALIGNMENT
from evaluation.protocols.coco_photorealism import COCO_PHOTOREALISM
from evaluation.protocols.contract import Protocol
from evaluation.protocols.drawbench import DRAWBENCH
from evaluation.protocols.errors import UnknownProtocolError, listed
from evaluation.protocols.pairwise_open import PAIRWISE_OPEN
from evaluation.protocols.questions import QUESTIONS
from evaluation.protocols.rank_k import RANK_K
from evaluation.protocols.single_image import SINGLE_IMAGE
from evaluation.protocols.word_marks import WORD_MARKS

_BY_NAME = {
    protocol.name: protocol
    for protocol in (
        DRAWBENCH,
        COCO_PHOTOREALISM,
        COCO_ALIGNMENT,
        SINGLE_IMAGE,
        PAIRWISE_OPEN,
        RANK_K,
        QUESTIONS,
        WORD_MARKS,
    )
}


def names() -> tuple[str, ...]:
    """The names of the protocols that there are, sorted."""
    return tuple(sorted(_BY_NAME))


def get(name: str) -> Protocol:
    """The protocol called `name`.

    Raises:
        UnknownProtocolError: there is none; the message says which there are, the nearest first.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    hint = nearest(name.lower(), _BY_NAME) or "."
    raise UnknownProtocolError(f"There is no protocol {name!r}{hint} Protocols: {listed(names())}.")


def load(data: bytes, source: str) -> Protocol:
    """The protocol of a YAML file's bytes; `source`: the file's name, for messages. Raises ProtocolError."""
    return reading.load(data, source, get)


def load_file(path: Path) -> Protocol:
    """The protocol of a YAML file. Raises ProtocolError, with line and column."""
    return reading.load_file(path, get)


def declare(declared: Mapping[str, object]) -> Protocol:
    """The protocol of a declaration in plain values, as a form makes it. Raises ProtocolError, whose `path` is the part
    and whose reason does not name it.
    """
    return reading.declare(declared, get)


def is_file(text: str) -> bool:
    """Whether `text` names a protocol's file: whatever ends in .yaml or .yml, or holds a slash."""
    return text.lower().endswith((".yaml", ".yml")) or "/" in text
