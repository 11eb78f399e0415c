"""The checks that any generator must pass: `python -m generators.conformance NAME [--set ..]`, or `check` in a test.

Small and quick (some forty images in all), so that a plug-in's author can run them on every change. Each check has a
name, says what it saw, and is either an error (studies with this generator could not be trusted) or a warning.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from common.commands import SOME_FAILED, SUCCESS, add_format, parse_settings, run_command, say
from generators import registry
from generators.commands import add_generator_arguments, add_prompt_arguments, collect_prompts
from generators.contract import Generator, Parameter
from generators.contract_checks import CHECKS, State

SCHEMA = "drawbench-conformance/1"

HEAVY = ("torch", "tensorflow", "jax", "transformers", "diffusers")
"""What a module that holds a spec must not import: the web process reads it."""

PROMPTS: tuple[tuple[str, str], ...] = (
    ("00000", "A red cube on a blue table."),
    ("00001", "Three cats, one of them asleep."),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be. `check`: the check's name. `warning`: it may be meant."""

    check: str
    message: str
    warning: bool = False


def check(
    generator: Generator,
    *,
    size: int = 0,
    prompts: Sequence[tuple[str, str]] = PROMPTS,
    on_check: Callable[[str], None] = lambda name: None,
) -> list[Finding]:
    """All that is wrong with a loaded generator; an empty list is a pass. It is closed at the end.

    `size`: the side that was asked for in pixels, 0 where images keep their own. `prompts`: (id, text) of two prompts
    or more that it can draw. `on_check`: told each check's name before it starts.
    """
    findings: list[Finding] = []
    state = State(generator, size, tuple(prompts[:2]))
    for name, function in CHECKS:
        on_check(name)
        try:
            findings += [Finding(name, message) for message in function(state)]
        except Exception as error:  # whatever it raises, it must not
            findings.append(Finding(name, f"raised {registry.describe(error)}"))
        if name == "one_result" and not state.images:
            findings.append(Finding(name, "it drew none of the prompts, so the other checks can't be made"))
            break
    if not generator.info.seeded:
        findings.append(Finding("seeds", "it follows no seed, so it shares none with its rivals", warning=True))
    if generator.info.tolerance >= 255:
        findings.append(Finding("repeat", "it says that it can't repeat an image", warning=True))
    return findings


class Declared(Protocol):
    """A spec as far as `check_spec` looks at it: a generator's, or a metric's."""

    @property
    def factory(self) -> str: ...

    @property
    def parameters(self) -> tuple[Parameter, ...]: ...


def check_spec(spec: Declared, reference: str) -> list[Finding]:
    """All that is wrong with a spec, before what it tells of is loaded. `reference`: "module:attribute" of the spec."""
    findings = []
    module = reference.partition(":")[0]
    script = (
        "import importlib, sys; importlib.import_module(sys.argv[1]); "
        f"print(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    command = [sys.executable, "-c", script, module]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(), timeout=120)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        findings.append(Finding("light_spec", f"importing {module} alone fails: {last}"))
    elif heavy := done.stdout.split():
        message = f"importing {module} imports {', '.join(heavy)}; the web process reads it, keep it light"
        findings.append(Finding("light_spec", message))
    names = [parameter.name for parameter in spec.parameters]
    if len(set(names)) < len(names):
        findings.append(Finding("parameters", "two parameters have one name"))
    for parameter in spec.parameters:
        if not parameter.name.isidentifier():
            findings.append(Finding("parameters", f"{parameter.name!r} is no plain name, and --set can't give it"))
        if parameter.default is not None:
            try:
                parsed = parameter.parse(parameter.default)
            except ValueError as error:
                findings.append(Finding("parameters", f"its own default is refused: {error}"))
            else:
                if type(parsed) is not type(parameter.default):
                    findings.append(
                        Finding("parameters", f"{parameter.name}: the default is no {parameter.value_type.__name__}")
                    )
    if ":" not in spec.factory:
        findings.append(Finding("factory", f'the factory is "module:callable", not {spec.factory!r}'))
    return findings


def _environment() -> dict[str, str]:
    """This process's environment with its import path, so that a child finds the same modules."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}


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
    options = parser.parse_args(arguments)
    prompts = PROMPTS
    if options.prompts or options.prompts_file:
        prompts = tuple(collect_prompts(options.prompts, options.prompts_file))
    spec = registry.get_spec(options.generator)
    reference = next(entry.reference for entry in registry.entries() if entry.name == spec.name and entry.spec)
    size = registry.check_size(spec, options.size or min(spec.sizes, default=0))
    findings = check_spec(spec, reference)
    generator = registry.load(spec.name, parse_settings(options.settings), size=size, device=options.device)
    with closing(generator):
        findings += check(generator, size=size, prompts=prompts, on_check=lambda name: say(f"{name} ..."))
    errors = [finding for finding in findings if not finding.warning]
    if options.format == "json":
        rows = [dataclasses.asdict(finding) for finding in findings]
        print(
            json.dumps({"schema": SCHEMA, "generator": spec.name, "size": size, "passed": not errors, "findings": rows})
        )
    else:
        for finding in findings:
            print(f"{'warning' if finding.warning else 'error'}: {finding.check}: {finding.message}")
        print(f"{spec.name} " + (f"breaks its contract: {len(errors)} errors" if errors else "keeps its contract"))
    return SOME_FAILED if errors else SUCCESS


if __name__ == "__main__":
    sys.exit(run_command(main))
