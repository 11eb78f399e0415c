"""`manage.py frechet`: the Frechet distance between two folders of images."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.management.bars import bars
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, PROTOCOLS


class Command(ProductCommand):
    """Score one folder of images against another, by a named protocol and a named feature extractor."""

    help = (
        "Compute the squared Frechet distance between the images of two folders, subfolders included. It is called FID "
        "only with the extractor `inception`, whose weights you provide. Each value comes with its protocol and all "
        "hashes; files that can't be scored are listed and left out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder_1", metavar="FOLDER_1", help="images, such as those of a generator")
        parser.add_argument("folder_2", metavar="FOLDER_2", help="images, such as the reference")
        parser.add_argument(
            "--extractor",
            required=True,
            metavar="NAME",
            help="inception (FID), efficientnet-lite0 (bundled), dinov2:FOLDER or clip:FOLDER (your own files)",
        )
        parser.add_argument("--weights", metavar="FILE", help="the extractor's weight file; its hash is checked")
        parser.add_argument(
            "--protocol", default=DEFAULT_PROTOCOL, metavar="NAME", help=f"{', '.join(PROTOCOLS)} ({DEFAULT_PROTOCOL})"
        )
        parser.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:1 (default: a GPU if there is one)")
        parser.add_argument(
            "--workers", type=int, metavar="N", help="decoding processes (default: one per processor, up to 16)"
        )
        parser.add_argument("--cache", metavar="FOLDER", help="folder that keeps the statistics, to be used again")

    def run(self, **options: Any) -> Mapping[str, Any]:
        from evaluation.metrics.distances.score import score_folders

        if options["workers"] is not None and options["workers"] < 1:
            raise MetricError(f"--workers must be 1 or more; got {options['workers']}.")
        return score_folders(
            Path(options["folder_1"]),
            Path(options["folder_2"]),
            extractor=options["extractor"],
            protocol=options["protocol"],
            weights=Path(options["weights"]) if options["weights"] else None,
            weight_folders=[settings.PLACES.var / "weights"],
            device=options["device"],
            workers=options["workers"],
            cache=Path(options["cache"]) if options["cache"] else None,
            progress=bars(),
        )

    def describe(self, result: Mapping[str, Any]) -> str:
        extractor = f"{result['extractor']} ({result['extractor_sha256'][:8]})"
        lines = [
            f"{result['name']}: {result['value']:.6g}",
            f"  of {counted(result['n_1'], 'image')} against {result['n_2']:,}",
            f"  protocol {result['protocol']['name']}, extractor {extractor}",
        ]
        corrected = result["corrected"]
        if corrected is None:
            lines.append(f"  no corrected value: {result['corrected_why']}")
        else:
            lines.append(
                f"  corrected for the number of images: {corrected['estimate']:.6g}, "
                f"{corrected['level'] * 100:.0f} % interval {corrected['low']:.6g} to {corrected['high']:.6g}"
            )
        lines += [f"  note: {warning}" for warning in result["warnings"]]
        if result["skipped"]:
            lines.append(f"  {counted(len(result['skipped']), 'file')} left out:")
            lines += [f"    {skip['file']}: {skip['why']}" for skip in result["skipped"][:20]]
            if len(result["skipped"]) > 20:
                lines.append(f"    and {len(result['skipped']) - 20} more; --format json lists all")
        return "\n".join(lines)
