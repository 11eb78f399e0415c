"""The checks that any generator must pass: `python -m generators.conformance NAME [--set ..]`, or `check` in a test.

Small and quick (some forty images in all), so that a plug-in's author can run them on every change. Each check has a
name, says what it saw, and is either an error (studies with this generator could not be trusted) or a warning.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from common.commands import add_format, parse_settings, refuse_repeated, run_command, say
from common.conformance import Finding, check_light, check_spec, print_findings
from common.plugins import describe
from generators import registry
from generators.commands import add_generator_arguments, add_prompt_arguments, collect_prompts, share_prompts
from generators.contract import Generator, GeneratorError, GeneratorSpec, ParameterValue
from generators.contract_checks import CHECKS, State
from generators.runner import close
from generators.sizes import Size, asked_for, drawn, read_size, square

SCHEMA = "drawbench-conformance/1"

PROMPTS: tuple[tuple[str, str], ...] = (
    ("00000", "A red cube on a blue table."),
    ("00001", "Three cats, one of them asleep."),
)


def check(
    generator: Generator,
    *,
    size: int | Size = 0,
    prompts: Sequence[tuple[str, str]] = PROMPTS,
    on_check: Callable[[str], None] = lambda name: None,
) -> list[Finding]:
    """All that is wrong with a loaded generator; an empty list is a pass. It is closed at the end.

    `size`: what was asked for in pixels, a number for a square, 0 where images keep their own. `prompts`: (id, text) of
    two prompts or more that it can draw. `on_check`: told each check's name before it starts.
    """
    findings: list[Finding] = []
    wanted = size if isinstance(size, Size) else square(size) if size else None
    state = State(generator, wanted, tuple(prompts[:2]))
    for name, function in CHECKS:
        on_check(name)
        try:
            findings += [Finding(name, message) for message in function(state)]
        except (Exception, SystemExit) as error:  # whatever it raises, it must not
            findings.append(Finding(name, f"raised {describe(error)}"))
        if name == "one_result" and not state.images:
            findings.append(Finding(name, "it drew none of the prompts, so the other checks can't be made"))
            break
    if not generator.info.seeded:
        findings.append(Finding("seeds", "it follows no seed, so it shares none with its rivals", warning=True))
    if generator.info.tolerance >= 255:
        findings.append(Finding("repeat", "it says that it can't repeat an image", warning=True))
    return findings


def check_devices(spec: GeneratorSpec, parameters: Mapping[str, ParameterValue]) -> list[Finding]:
    """All that is wrong with how a spec says what devices it needs (`devices_by`). `parameters`: resolved by it."""
    if not spec.devices_by:
        return []
    if findings := check_light(spec.devices_by, "devices_by"):
        return findings
    try:
        kinds: object = registry.devices_of(spec, parameters)
    except GeneratorError as error:
        return [Finding("devices_by", str(error))]
    if not isinstance(kinds, tuple) or not kinds or not all(isinstance(kind, str) and kind for kind in kinds):
        return [Finding("devices_by", f'it answers {kinds!r} where kinds of device belong, such as ("cpu",)')]
    return []


def main(arguments: Sequence[str]) -> int:
    """Check a generator by name; the exit code is 1 where something is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m generators.conformance",
        description="Check that a generator keeps its contract. Exit codes: 0 it does, 1 it does not, 2 bad input.",
    )
    parser.add_argument("generator", metavar="NAME", help="see python -m generators.list")
    add_generator_arguments(parser)
    add_prompt_arguments(parser)
    add_format(parser)
    options = refuse_repeated(parser).parse_args(arguments)
    spec = registry.get_spec(options.generator)
    settings = parse_settings(options.settings)
    settings, prompts_file = share_prompts(spec, settings, options.prompts, options.prompts_file)
    prompts = PROMPTS
    if options.prompts or prompts_file:
        prompts = tuple(collect_prompts(options.prompts, prompts_file))
    reference = next(entry.reference for entry in registry.entries() if entry.name == spec.name and entry.spec)
    smallest = square(min(spec.sizes)) if spec.sizes else None
    placed, size = asked_for(spec, settings, read_size(options.size) or smallest)
    wanted = drawn(spec.resolve(placed), size)
    findings = check_spec(spec, reference) + check_devices(spec, spec.resolve(placed))
    generator = registry.load(spec.name, placed, size=size, device=options.device)
    findings += check(generator, size=wanted or 0, prompts=prompts, on_check=lambda name: say(f"{name} ..."))
    close(generator)
    about = {"schema": SCHEMA, "generator": spec.name, "size": None if wanted is None else str(wanted)}
    return print_findings(spec.name, findings, about if options.format == "json" else None)


if __name__ == "__main__":
    sys.exit(run_command(main))
