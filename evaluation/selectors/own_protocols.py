"""The protocols of studies: a study's own, and those of the lab's own, which its earlier studies declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.words import nearest
from evaluation import protocols
from evaluation.errors import InputError
from evaluation.models import Study
from evaluation.protocols.registry import is_file
from evaluation.selectors.studies import study_by_name

MOST_STUDIES = 500
"""Studies that are looked through, the newest first."""

OF_STUDY = "study:"
"""Before a study's name: the protocol of that study."""


@dataclass(frozen=True, slots=True)
class OwnProtocol:
    """A protocol that does not come with the program. `study`: the newest study that declares it just so."""

    protocol: protocols.Protocol
    study: str

    @property
    def key(self) -> str:
        """What stands for it in menus and commands."""
        return f"{OF_STUDY}{self.study}"


def protocol_of(study: Study) -> protocols.Protocol:
    """The protocol of a draft: ours as it is now, a researcher's own as the draft declared it."""
    if study.protocol in protocols.names():
        return protocols.get(study.protocol)
    return _whole(study.specification["protocol"], study.specification.get("controls_left_out"))


def own_protocols() -> list[OwnProtocol]:
    """The lab's own protocols, each declaration once, of the newest studies first. One query."""
    rows = (
        Study.objects.exclude(protocol__in=protocols.names())
        .order_by("-created_at", "-pk")
        .values_list("name", "specification__protocol", "specification__controls_left_out")[:MOST_STUDIES]
    )
    found: list[OwnProtocol] = []
    for name, declared, left_out in rows:
        protocol = _whole(declared, left_out)
        if all(each.protocol != protocol for each in found):
            found.append(OwnProtocol(protocol, name))
    return found


def protocol_named(text: str) -> protocols.Protocol:
    """The protocol called `text`: ours, one of the lab's own, or the one of a study, as `study:NAME`.

    Raises:
        InputError: there is none (the message gives the nearest name), or the lab has several of this name.
    """
    if text.startswith(OF_STUDY):
        return protocol_of(study_by_name(text.removeprefix(OF_STUDY)))
    if text in protocols.names():
        return protocols.get(text)
    own = own_protocols()
    named = [each for each in own if each.protocol.name == text]
    if len(named) > 1:
        keys = ", ".join(each.key for each in named)
        raise InputError(
            f'Studies declare {len(named)} different protocols called "{text}". Name the study: {keys}.',
            field="protocol",
        )
    if named:
        return named[0].protocol
    known = [*protocols.names(), *dict.fromkeys(each.protocol.name for each in own)]
    raise InputError(
        f'There is no protocol "{text}"{nearest(text.lower(), known) or "."} Protocols: {", ".join(known)}.',
        field="protocol",
    )


def protocol_named_or_file(text: str) -> protocols.Protocol:
    """As `protocol_named`, or of a YAML file: whatever ends in .yaml or .yml, or holds a slash, is a file.

    Raises:
        UserError: there is no such protocol, or the file holds none (`ProtocolError`, with line and column).
    """
    return protocols.load_file(Path(text)) if is_file(text) else protocol_named(text)


def _whole(declared: Mapping[str, Any], left_out: Mapping[str, Any] | None) -> protocols.Protocol:
    """A declared protocol, with the control trials that its study leaves out."""
    protocol = protocols.read(declared)
    if left_out is None:
        return protocol
    return replace(protocol, controls=protocols.Controls(**left_out["controls"]), screening=left_out["screening"])
