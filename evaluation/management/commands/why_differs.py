"""`manage.py why_differs`: the gap between two protocols' values, step by step."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, get_args

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.management.bars import bars
from evaluation.management.frechet import add_measure_options, figures, measure_request
from evaluation.metrics.distances.why_differs import NOT_ATTRIBUTED, ORDER
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, PROTOCOLS, Precision
from evaluation.services.scoring.fid import FidWhyDiffers, ProtocolChange, fid_why_differs


class Command(ProductCommand):
    """Recompute a distance under one change after another, from one protocol to another."""

    help = (
        "Explain why the same images have different distances under two protocols. Starts with the value under --from, "
        "then changes crop, filter, size, resizing for the network, precision, dropped batch and numbers of images to "
        "those of --to, one after another. The steps add up to the difference exactly. Each step reads all images; "
        "earlier results are reused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = ", ".join(PROTOCOLS)
        parser.add_argument("generated", metavar="A", help="a run or a folder of images")
        parser.add_argument("reference", metavar="B", help="a stored reference, a run or a folder")
        parser.add_argument("--from", dest="start", default=DEFAULT_PROTOCOL, metavar="NAME", help=names)
        parser.add_argument("--to", dest="end", required=True, metavar="NAME", help=names)
        parser.add_argument(
            "--to-precision",
            choices=get_args(Precision),
            help="the network's arithmetic at the end; it starts with float32",
        )
        parser.add_argument(
            "--to-reference-images", type=int, metavar="N", help="number of reference images at the end"
        )
        parser.add_argument(
            "--to-generated-images", type=int, metavar="N", help="number of generated images at the end"
        )
        add_measure_options(parser, protocol=None)

    def run(self, **options: Any) -> FidWhyDiffers:
        request = measure_request(options, protocol=options["start"])
        for name in ("to_reference_images", "to_generated_images"):
            if options[name] is not None and options[name] < 2:
                raise InputError(f"--{name.replace('_', '-')} must be 2 or more; got {options[name]}.")
        change = ProtocolChange(
            end=options["end"],
            precision=options["to_precision"],
            reference_images=options["to_reference_images"],
            generated_images=options["to_generated_images"],
        )
        return fid_why_differs(
            generated=options["generated"],
            reference=options["reference"],
            request=request,
            change=change,
            progress=bars(),
        )

    def describe(self, result: FidWhyDiffers) -> str:
        found = result.result
        values = [f"{each.value:.6g}" for each in found.distances]
        rows = [("", str(found.start["name"]), values[0], "")]
        for step, value, difference in zip(found.steps, values[1:], found.differences, strict=True):
            rows.append((step.name, f"{step.before} -> {step.after}", value, figures(difference, signed=True)))
        rows.append(("sum of steps", str(found.end["name"]), values[-1], figures(found.gap, signed=True)))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [f"{found.name}, {counted(found.counts[0], 'image')} against {found.counts[1]:,}"]
        for row in rows:
            left = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
            right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
            lines.append(f"  {'  '.join(left + right)}".rstrip())
        if not found.steps:
            lines.append("  the two protocols do not differ in anything that matters for these images")
        lines += [f"  note: {note}" for note in result.notes]
        lines.append(f"  in this order: {', '.join(ORDER)}")
        return "\n".join([*lines, *(f"  not covered: {text}" for text in NOT_ATTRIBUTED)])
