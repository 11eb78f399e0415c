"""A protocol as a YAML file: the JSON of its specification, laid out for people."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import yaml

from evaluation.protocols.contract import Protocol

WIDTH = 100


def to_yaml(protocol: Protocol) -> str:
    """The declaration as a file that `load` reads back to an equal protocol.

    One that is based on another says all, defaults included, so that it inherits nothing.
    """
    declared: dict[str, object] = protocol.specification()
    if protocol.based_on:
        left_out = {each.name: None for each in fields(Protocol) if each.name not in declared}
        declared = {"based_on": protocol.based_on, **declared, **left_out, "shown": asdict(protocol.shown)}
        declared["answers"] = None
        declared["questions"] = [
            dict.fromkeys(question.answers.KEYS) | question.to_dict(shared=False) for question in protocol.questions
        ]
    return yaml.dump(declared, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)


class _Dumper(yaml.SafeDumper):
    """Lists indented under their key, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)
