"""`manage.py why_differs`: the gap between two protocols' values, step by step."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.management.bars import bars
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, PROTOCOLS, Precision
from evaluation.services.scoring.fid import fid_why_differs


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
        parser.add_argument("--extractor", default="inception", metavar="NAME", help="as for fid")
        parser.add_argument("--weights", type=Path, metavar="FILE", help="the extractor's weight file")
        parser.add_argument("--device", metavar="NAME", help="cpu or cuda (default: a GPU if there is one)")
        parser.add_argument(
            "--workers", type=int, metavar="N", help="decoding processes (default: one per processor, up to 16)"
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        if options["workers"] is not None and options["workers"] < 1:
            raise InputError(f"--workers must be 1 or more; got {options['workers']}.")
        for name in ("to_reference_images", "to_generated_images"):
            if options[name] is not None and options[name] < 2:
                raise InputError(f"--{name.replace('_', '-')} must be 2 or more; got {options[name]}.")
        show = bars()
        return fid_why_differs(
            generated=options["generated"],
            reference=options["reference"],
            start=options["start"],
            end=options["end"],
            to_precision=options["to_precision"],
            to_reference_images=options["to_reference_images"],
            to_generated_images=options["to_generated_images"],
            extractor=options["extractor"],
            weights=options["weights"],
            device=options["device"],
            workers=options["workers"],
            progress=lambda step, side, done, total: show(f"{step}: {side}", done, total),
        )

    def describe(self, result: Mapping[str, Any]) -> str:
        start, end = result["from"], result["to"]
        rows = [("", f"{start['protocol']['name']}", f"{start['value']:.6g}", "")]
        rows += [
            (step["step"], f"{step['before']} -> {step['after']}", f"{step['value']:.6g}", f"{step['difference']:+.6g}")
            for step in result["steps"]
        ]
        rows.append(("sum of steps", end["protocol"]["name"], f"{end['value']:.6g}", f"{result['gap']:+.6g}"))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [f"{result['name']}, {counted(result['n_1'], 'image')} against {result['n_2']:,}"]
        for row in rows:
            step, change, value, difference = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append(f"  {step}  {change}  {row[2].rjust(len(value))}  {row[3].rjust(len(difference))}".rstrip())
        if not result["steps"]:
            lines.append("  the two protocols do not differ in anything that matters for these images")
        lines += [f"  note: {note}" for note in result["notes"]]
        lines.append(f"  in this order: {', '.join(result['order'])}")
        return "\n".join([*lines, *(f"  not covered: {text}" for text in result["not_attributed"])])
