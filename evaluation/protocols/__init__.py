"""The declared protocols of human evaluation, by name. Pure: no Django, no I/O.

>>> from evaluation import protocols
>>> protocols.get("drawbench").raters_per_panel
25
"""

from __future__ import annotations

from common.errors import UserError
from common.words import nearest
from evaluation.protocols.contract import CAPTION, Answer, Protocol, Question, wording
from evaluation.protocols.drawbench import DRAWBENCH

_BY_NAME = {protocol.name: protocol for protocol in (DRAWBENCH,)}

__all__ = ["CAPTION", "Answer", "Protocol", "Question", "UnknownProtocolError", "get", "names", "wording"]


class UnknownProtocolError(UserError):
    """No protocol has this name; the message gives the nearest one."""


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
    raise UnknownProtocolError(f"There is no protocol {name!r}{hint} Protocols: {', '.join(names())}.")
