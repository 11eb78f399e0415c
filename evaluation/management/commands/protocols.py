"""`manage.py protocols`: the protocols that there are, the lab's own among them; one as a file, a file checked, two
compared."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import OperationalError, ProgrammingError

from evaluation import protocols
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.protocols.summary import in_a_line
from evaluation.selectors.own_protocols import own_protocols, protocol_named_or_file

SCHEMA = "drawbench-protocols/1"
DIFFERENCE_SCHEMA = "drawbench-protocol-departures/1"


class Command(ProductCommand):
    """List, print, check and compare protocols."""

    help = (
        "List the protocols by which raters can be asked: those that come with the program, and the lab's own, which "
        "earlier studies declare. With a name, print that protocol as a YAML file; redirected "
        "to a file and changed, it is a protocol of your own. --check reads such a file, and says line and column of "
        "what is wrong. --diff says in what the second of two protocols departs from the first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("name", nargs="?", metavar="NAME", help="a protocol's name, a YAML file, or study:NAME")
        what.add_argument("--check", type=Path, metavar="FILE", help="read a protocol's YAML file and say if it holds")
        what.add_argument("--diff", nargs=2, metavar=("A", "B"), help="two protocols, each named as above")

    def run(self, **options: Any) -> Mapping[str, Any]:
        if options["diff"]:
            return _difference(options["diff"])
        if options["check"] is not None:
            return _listed([protocols.load_file(options["check"])]) | {"file": str(options["check"])}
        if options["name"] is not None:
            if not options["name"].strip():
                raise InputError("The name is empty. Without a name, all protocols are listed.")
            return _listed([protocol_named_or_file(options["name"])])
        listed = _listed([protocols.get(name) for name in protocols.names()])
        try:
            own = [_entry(each.protocol) | {"study": each.study} for each in own_protocols()]
        except (OperationalError, ProgrammingError):  # the program's own need no database
            sys.stderr.write("The database does not respond, so the protocols of earlier studies are not listed.\n")
            own = []
        return listed | {"protocols": [*listed["protocols"], *own]}

    def describe(self, result: Mapping[str, Any]) -> str:
        if "departures" in result:
            if not result["departures"]:
                return "Raters are asked the same way."
            return "\n".join([f"{result['b']} departs from {result['a']}:", *result["departures"]])
        declared = [protocols.read(each["declaration"]) for each in result["protocols"]]
        if "file" in result:
            (own,) = declared
            holds = f"{result['file']} holds the protocol {own.name}: {in_a_line(own)}"
            return "\n".join([holds, *(f"  departs from {own.based_on}: {line}" for line in _departures(own))])
        if len(declared) == 1:
            return protocols.to_yaml(declared[0]).rstrip()
        width = max(len(protocol.name) for protocol in declared)
        studies = [f" (study:{each['study']})" if each["study"] else "" for each in result["protocols"]]
        return "\n".join(
            f"{each.name.ljust(width)}  {each.title}: {in_a_line(each)}{study}"
            for each, study in zip(declared, studies, strict=True)
        )


def _listed(chosen: Sequence[protocols.Protocol]) -> dict[str, Any]:
    return {"schema": SCHEMA, "protocols": [_entry(protocol) for protocol in chosen]}


def _entry(protocol: protocols.Protocol) -> dict[str, Any]:
    """A protocol in the list. `declaration`: as a study's specification locks it. `study`: the newest study that
    declares it, of the lab's own."""
    return {
        "name": protocol.name,
        "title": protocol.title,
        "source": protocol.source,
        "version": protocol.version,
        "languages": list(protocol.languages),
        "questions": [{"id": each.id, "kind": each.answers.name, "text": each.text} for each in protocol.questions],
        "based_on": protocol.based_on,
        "departures": list(_departures(protocol)),
        "declaration": protocol.specification(),
        "study": None,
    }


def _departures(protocol: protocols.Protocol) -> tuple[str, ...]:
    return protocols.departures(protocols.get(protocol.based_on), protocol) if protocol.based_on else ()


def _difference(names: Sequence[str]) -> dict[str, Any]:
    first, second = (protocol_named_or_file(name) for name in names)
    lines = list(protocols.departures(first, second))
    return {"schema": DIFFERENCE_SCHEMA, "a": first.name, "b": second.name, "departures": lines}
