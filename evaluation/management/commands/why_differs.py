"""`manage.py why_differs`: the gap between two protocols' values, step by step."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.management.bars import bars
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, PROTOCOLS, Precision
from evaluation.services.scoring.fid import fid_why_differs


class Command(ProductCommand):
    """Recompute a distance under one change after another, from one protocol to another."""

    help = (
        "Why one and the same images have two distances: the value under --from, then with crop, filter, size, resize "
        "to the network, precision, dropped batch and numbers of images changed to those of --to, one after another. "
        "The steps add up to the gap exactly. Each step reads all images; what was computed before is kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = ", ".join(PROTOCOLS)
        parser.add_argument("generated", metavar="A", help="a run or a folder of images")
        parser.add_argument("reference", metavar="B", help="a stored reference, a run or a folder")
        parser.add_argument("--from", dest="start", default=DEFAULT_PROTOCOL, metavar="NAME", help=names)
        parser.add_argument("--to", dest="end", required=True, metavar="NAME", help=names)
        parser.add_argument(
            "--to-precision", choices=get_args(Precision), help="the network's arithmetic at the end; float32 at first"
        )
        parser.add_argument("--to-reference-images", type=int, metavar="N", help="so many reference images at the end")
        parser.add_argument("--to-generated-images", type=int, metavar="N", help="so many generated images at the end")
        parser.add_argument("--extractor", default="inception", metavar="NAME", help="as for fid")
        parser.add_argument("--weights", type=Path, metavar="FILE", help="the extractor's weight file")
        parser.add_argument("--device", metavar="NAME", help="cpu, cuda; a GPU where there is one, unless given")
        parser.add_argument("--workers", type=int, metavar="N", help="decoding processes; one a processor, up to 16")

    def run(self, **options: Any) -> Mapping[str, Any]:
        if options["workers"] is not None and options["workers"] < 1:
            raise InputError(f"--workers must be 1 or more, not {options['workers']}.")
        for name in ("to_reference_images", "to_generated_images"):
            if options[name] is not None and options[name] < 2:
                raise InputError(f"--{name.replace('_', '-')} must be 2 or more, not {options[name]}.")
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
        lines = [f"{result['name']}, {result['n_1']:,} images against {result['n_2']:,}"]
        for row in rows:
            step, change, value, difference = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append(f"  {step}  {change}  {row[2].rjust(len(value))}  {row[3].rjust(len(difference))}".rstrip())
        if not result["steps"]:
            lines.append("  nothing that matters to these images differs between the two")
        lines += [f"  note: {note}" for note in result["notes"]]
        lines.append(f"  in this order: {', '.join(result['order'])}")
        return "\n".join([*lines, *(f"  not seen here: {text}" for text in result["not_attributed"])])
