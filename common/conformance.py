"""What the conformance checks of generators and of metrics share: findings, the checks of a spec, how both are told."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from common.commands import FAILED, SUCCESS
from common.limits import MESSAGE
from common.parameters import Parameter
from common.text import cleaned
from common.words import counted

HEAVY = ("torch", "tensorflow", "jax", "transformers", "diffusers")
"""What a module that holds a spec must not import: the web process reads it."""

ODD_PROMPTS = (
    "",
    "   ",
    "a" * 20_000,
    "\N{SNOWMAN} \N{GREEK SMALL LETTER ALPHA} \N{HIRAGANA LETTER A} \U0001f600",
    "line one\nline two\ttab\x00nul\x1b[31m",
    "<script>alert(1)</script> {0} %s \\ ' \" ; --",
)
"""Prompts that real suites and pranksters hold. A failure as a value is a good answer to each."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be. `check`: the check's name. `warning`: it may be meant."""

    check: str
    message: str
    warning: bool = False


class Declared(Protocol):
    """A spec as far as `check_spec` looks at it: a generator's, or a metric's."""

    @property
    def factory(self) -> str: ...

    @property
    def parameters(self) -> tuple[Parameter, ...]: ...


def check_spec(spec: Declared, reference: str) -> list[Finding]:
    """All that is wrong with a spec, before what it tells of is loaded. `reference`: "module:attribute" of the spec."""
    findings = check_light(reference, "light_spec")
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


def check_light(reference: str, check: str) -> list[Finding]:
    """What is wrong with importing the module of `reference` ("module:attribute") alone, as findings of `check`."""
    module = reference.partition(":")[0]
    script = (
        "import importlib, sys; importlib.import_module(sys.argv[1]); "
        f"print(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    command = [sys.executable, "-c", script, module]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(), timeout=120)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return [Finding(check, f"importing {module} alone fails: {last}")]
    if heavy := done.stdout.split():
        return [
            Finding(check, f"importing {module} imports {', '.join(heavy)}; the web process reads it, keep it light")
        ]
    return []


def _environment() -> dict[str, str]:
    """This process's environment with its import path, so that a child finds the same modules."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}


def print_findings(name: str, findings: Sequence[Finding], about: Mapping[str, object] | None) -> int:
    """Print what was found of `name`, as JSON beside what is said `about` it, or for people; the exit code."""
    errors = [finding for finding in findings if not finding.warning]
    if about is not None:
        rows = [dataclasses.asdict(finding) for finding in findings]
        print(json.dumps({**about, "passed": not errors, "findings": rows}))
    else:
        for finding in findings:
            print(f"{'warning' if finding.warning else 'error'}: {finding.check}: {cleaned(finding.message, MESSAGE)}")
        print(
            f"{name} " + (f"breaks its contract: {counted(len(errors), 'error')}" if errors else "keeps its contract")
        )
    return FAILED if errors else SUCCESS
