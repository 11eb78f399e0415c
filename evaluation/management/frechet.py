"""What the commands over Frechet distances share: the options that say what to measure with, and results as text."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.words import counted
from evaluation.errors import InputError
from evaluation.metrics.distances.result import FrechetResult
from evaluation.metrics.distances.second_road import ENGINES
from evaluation.metrics.features.measure import MeasureRequest
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, PROTOCOLS

EXTRACTORS_HELP = "inception (FID), efficientnet-lite0 (bundled), dinov2:FOLDER or clip:FOLDER (your own files)"

MOST_LISTED = 20
"""Files left out that a text for people names."""


def add_measure_options(
    parser: ArgumentParser, *, extractor: str | None = "inception", protocol: str | None = DEFAULT_PROTOCOL
) -> None:
    """--extractor, --weights, --protocol, --device and --workers.

    `extractor`: the default; None where one has to be given. `protocol`: the default; None for no such option.
    """
    parser.add_argument(
        "--extractor",
        default=extractor,
        required=extractor is None,
        metavar="NAME",
        help=EXTRACTORS_HELP + (f" (default: {extractor})" if extractor else ""),
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="the extractor's weight file; its hash is checked")
    if protocol is not None:
        parser.add_argument(
            "--protocol", default=protocol, metavar="NAME", help=f"{', '.join(PROTOCOLS)} (default: {protocol})"
        )
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:1 (default: a GPU if there is one)")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="decoding processes (default: one per processor, up to 16)"
    )


def add_engine_option(parser: ArgumentParser) -> None:
    """--engine."""
    parser.add_argument(
        "--engine",
        metavar="NAME",
        help=f"compute the distance a second time with another program, and print the difference: {', '.join(ENGINES)}",
    )


def measure_request(options: Mapping[str, Any], *, protocol: str | None = None) -> MeasureRequest:
    """What the options of `add_measure_options` ask for. `protocol`: its name, where another option gives it.

    Raises:
        InputError: fewer than one worker.
    """
    workers = options["workers"]
    if workers is not None and workers < 1:
        raise InputError(f"--workers must be 1 or more; got {workers}.")
    return MeasureRequest(
        extractor=options["extractor"],
        protocol=options["protocol"] if protocol is None else protocol,
        weights=options["weights"],
        device=options["device"],
        workers=workers,
    )


def frechet_lines(result: FrechetResult) -> list[str]:
    """The distance, what it was measured with, and its corrected value."""
    measure = result.measure
    corrected = result.corrected
    return [
        f"{result.name}: {result.value:.6g}",
        f"  of {counted(result.counts[0], 'image')} against {result.counts[1]:,}",
        f"  protocol {measure.protocol['name']}, extractor {measure.extractor} ({measure.extractor_sha256[:8]})",
        f"  no corrected value: {result.corrected_why}"
        if corrected is None
        else corrected_line(corrected.estimate, corrected.low, corrected.high, corrected.level),
        *_second_lines(result),
    ]


def _second_lines(result: FrechetResult) -> list[str]:
    second = result.second
    if second is None:
        return []
    difference = figures(second.difference, signed=True, digits=3)
    share = f" ({abs(second.difference) / result.value:.1g} of it)" if result.value > 0 else ""
    return [f"  by {second.engine}: {second.value:.10g}, {difference} from {result.value:.10g} here{share}"]


def corrected_line(estimate: float, low: float, high: float, level: float) -> str:
    """A corrected value with its interval."""
    return (
        f"  corrected for the number of images: {figures(estimate)}, {level * 100:.0f} % interval {figures(low)} to "
        f"{figures(high)}"
    )


def remark_lines(result: FrechetResult) -> list[str]:
    """What there is to say of the value, and the files that were left out."""
    lines = [f"  note: {warning}" for warning in result.warnings]
    if result.skipped:
        lines.append(f"  {counted(len(result.skipped), 'file')} left out:")
        lines += listed_lines([f"{skip['file']}: {skip['why']}" for skip in result.skipped])
    return lines


def listed_lines(entries: Sequence[str]) -> list[str]:
    """The first `MOST_LISTED` of `entries`, a line each, and how many more there are."""
    lines = [f"    {entry}" for entry in entries[:MOST_LISTED]]
    if len(entries) > MOST_LISTED:
        lines.append(f"    and {len(entries) - MOST_LISTED:,} more; --format json lists all")
    return lines


def figures(number: float, *, signed: bool = False, digits: int = 6) -> str:
    """`-6.690412` -> "−6.69041": so many significant digits, a real minus sign, a plus where it is `signed`."""
    return f"{number:{'+' if signed else ''}.{digits}g}".replace("-", "−")
