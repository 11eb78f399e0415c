"""The checks that any metric must pass: `python -m evaluation.metrics.conformance NAME`, or `check` in a test.

Quick: a dozen small pictures of its own making. Each check has a name and says what it saw; where one fails, numbers of
this metric can't be trusted. The single checks stand in `conformance_checks`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from common.commands import add_format, parse_settings, refuse_repeated, run_command, say
from common.conformance import Finding, check_spec, print_findings
from common.json_in import JsonError, read_json
from common.plugins import describe
from evaluation.metrics import registry
from evaluation.metrics.conformance_checks import (
    FOR_SAMPLES,
    FOR_SETS,
    CheckedImages,
    MetricUnderTest,
    made_images,
    named,
)
from evaluation.metrics.errors import MetricError
from evaluation.metrics.spec import Metric, MetricSpec
from evaluation.suites.types import JsonValue

SCHEMA = "drawbench-metric-conformance/1"


def check(
    metric: Metric,
    spec: MetricSpec,
    *,
    attributes: Mapping[str, JsonValue] | None = None,
    prompt: str = 'A red square that says "STOP".',
    tolerance: float = 1e-4,
    on_check: Callable[[str], None] = lambda name: None,
) -> list[Finding]:
    """All that is wrong with a loaded metric; an empty list is a pass.

    `attributes`, `prompt`: what the pictures' prompts have, so that the metric applies to them (the default scene has
    an object and a text). `tolerance`: how far a value may move, in parts of it or by itself, when the same image is
    scored in another company. `on_check`: called with each check's name before it starts.
    """
    findings = [Finding("named", message) for message in named(metric)]
    with tempfile.TemporaryDirectory() as folder:
        images = made_images(Path(folder), prompt, attributes)
        subject = MetricUnderTest(metric, spec, images, tolerance)
        for name, function in FOR_SAMPLES if spec.kind == "sample" else FOR_SETS:
            on_check(name)
            own = []
            try:
                own += [Finding(name, message) for message in function(subject)]
            except Exception as error:  # whatever it raises, it must not
                own.append(Finding(name, f"raised {describe(error)}"))
            findings += own
            if name == "scores" and own:
                break  # the others compare with what this one saw
        findings += _unchanged(images)
    if spec.kind == "sample" and subject.first and all(score.value is None for score in subject.first):
        message = f"none of the pictures got a number ({subject.first[0].why}): little was checked"
        findings.append(Finding("applies", message, warning=True))
    return findings


def _unchanged(images: CheckedImages) -> list[Finding]:
    changed = images.changed()
    return [Finding("leaves_files", f"it changed {', '.join(changed)}")] if changed else []


def main(arguments: Sequence[str]) -> int:
    """Check a metric by name; the exit code is 1 where something is wrong, 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.metrics.conformance",
        description="Check that a metric keeps its contract. Exit codes: 0 it does, 1 it does not, 2 bad input.",
    )
    parser.add_argument("metric", metavar="NAME", help="see manage.py score --list")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], dest="settings", help="a parameter")
    parser.add_argument("--device", default=None, help="cpu, cuda ... (default: the best there is)")
    parser.add_argument("--weights-folder", type=Path, action="append", default=[], help="where brought weights lie")
    parser.add_argument("--attributes", default="", help="a prompt's attributes as JSON, for metrics that need some")
    parser.add_argument("--prompt", default='A red square that says "STOP".', help="the pictures' prompt")
    add_format(parser)
    options = refuse_repeated(parser).parse_args(arguments)
    attributes = _attributes(options.attributes)
    spec = registry.get_spec(options.metric)
    reference = next(entry.reference for entry in registry.entries() if entry.name == spec.name and entry.spec)
    findings = check_spec(spec, reference)
    metric = registry.load(
        spec.name, parse_settings(options.settings), device=options.device, weight_folders=options.weights_folder
    )
    findings += check(
        metric, spec, attributes=attributes, prompt=options.prompt, on_check=lambda name: say(f"{name} ...")
    )
    about = {"schema": SCHEMA, "metric": spec.name}
    return print_findings(spec.name, findings, about if options.format == "json" else None)


def _attributes(text: str) -> dict[str, JsonValue] | None:
    try:
        found = read_json(text) if text else None
    except JsonError as error:
        raise MetricError(f"--attributes {text[:80]} is not JSON: {error}") from None
    if found is not None and not isinstance(found, dict):
        raise MetricError(f'--attributes {text} is not a JSON object, such as {{"objects": ["apple"]}}')
    return found


if __name__ == "__main__":
    sys.exit(run_command(main))
