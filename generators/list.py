"""Name the generators and their parameters: `python -m generators.list`."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence

from common.commands import SUCCESS, add_format, refuse_repeated, run_command
from generators import registry
from generators.contract import GeneratorSpec, Parameter
from generators.sizes import takes_any_shape

SCHEMA = "drawbench-generators/1"


def main(arguments: Sequence[str]) -> int:
    """Print the list; a broken plug-in stands in it with its error."""
    parser = argparse.ArgumentParser(
        prog="python -m generators.list",
        description="Name the generators with their parameters: those built in and those of installed plug-ins.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    add_format(parser)
    options = refuse_repeated(parser).parse_args(arguments)
    for name in options.names:
        if name not in registry.names():
            registry.get_spec(name)  # says which is nearest
    found = [entry for entry in registry.entries() if not options.names or entry.name in options.names]
    if options.format == "json":
        print(json.dumps({"schema": SCHEMA, "generators": [entry_json(entry) for entry in found]}, indent=2))
    else:
        print("\n\n".join(_entry_text(entry) for entry in found))
    return SUCCESS


def entry_json(entry: registry.Entry) -> dict[str, object]:
    """An entry for programs; `error` is null where it can be used, `parameters` empty where it can't. `missing`: what
    this process lacks to draw with it, a sentence each."""
    spec = entry.spec
    return {
        "name": entry.name,
        "source": entry.source,
        "error": entry.error or None,
        "summary": spec.summary if spec else "",
        "sizes": list(spec.sizes) if spec else [],
        "devices": list(spec.devices) if spec else [],
        "any_shape": spec is not None and takes_any_shape(spec),
        "lacks": list(spec.lacks) if spec else [],
        "missing": registry.missing(spec) if spec else [],
        "parameters": [_parameter_json(parameter) for parameter in spec.parameters] if spec else [],
    }


def _parameter_json(parameter: Parameter) -> dict[str, object]:
    return {
        "name": parameter.name,
        "type": parameter.value_type.__name__,
        "default": parameter.default,
        "required": parameter.default is None,
        "low": parameter.low,
        "high": parameter.high,
        "choices": list(parameter.choices),
        "operator_only": parameter.operator_only,
        "help": parameter.help,
    }


def _entry_text(entry: registry.Entry) -> str:
    if entry.spec is None:
        return f"{entry.name} ({entry.source})\n  can't be used: {entry.error}"
    return f"{entry.name} ({entry.source})\n" + textwrap.indent(_spec_text(entry.spec), "  ")


def _spec_text(spec: GeneratorSpec) -> str:
    keep = "width x height as asked for, or its own" if takes_any_shape(spec) else "images keep their own"
    sizes = ", ".join(str(size) for size in spec.sizes) or keep
    lines = [spec.summary, f"sizes: {sizes}; devices: {', '.join(spec.devices)}", *registry.missing(spec)]
    width = max((len(parameter.name) for parameter in spec.parameters), default=0)
    for parameter in spec.parameters:
        lines.append(f"--set {parameter.name}={'...':<{width - len(parameter.name) + 3}}  {_parameter_text(parameter)}")
    return "\n".join(lines)


def _parameter_text(parameter: Parameter) -> str:
    default = "must be given" if parameter.default is None else f"default {_value_text(parameter.default)}"
    return f"{parameter.help} ({parameter.allowed}; {default})"


def _value_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else '""' if value == "" else str(value)


if __name__ == "__main__":
    sys.exit(run_command(main))
