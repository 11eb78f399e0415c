"""What is known of the generator `command` before it is loaded. Its programs are those that the operator declared."""

from __future__ import annotations

from generators.contract import GeneratorSpec, Parameter
from generators.rivals.declared import names


def spec() -> GeneratorSpec:
    """The spec, with the programs that are declared now."""
    return GeneratorSpec(
        name="command",
        summary="A program in an environment of its own, which the operator declared: requests in, image files out.",
        factory="generators.rivals.command.generator:load_program",
        parameters=(
            Parameter("program", "which of the operator's programs", kind=str, choices=names("programs")),
            Parameter("width", "pixels; 0: the program's own", 0, low=0, high=16_384),
            Parameter("height", "pixels; 0: the program's own", 0, low=0, high=16_384),
            Parameter("settings", 'settings that the program declares, as JSON: {"steps": 20}', ""),
        ),
        sizes=(),
        devices=("cpu", "cuda"),
        devices_by="generators.rivals.command.program:program_devices",
        missing="generators.rivals.command.program:programs_missing",
    )


def __getattr__(name: str) -> object:
    """SPEC as it is now: a program that was declared is there at once."""
    if name == "SPEC":
        return spec()
    raise AttributeError(name)
