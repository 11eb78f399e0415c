"""`manage.py frechet`: the Frechet distance between two folders of images."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from evaluation.command import ProductCommand
from evaluation.management.bars import bars
from evaluation.management.frechet import (
    add_engine_option,
    add_measure_options,
    frechet_lines,
    measure_request,
    remark_lines,
)
from evaluation.metrics.distances.result import FrechetResult
from evaluation.metrics.distances.score import score_folders
from evaluation.services.store.places import weight_folders


class Command(ProductCommand):
    """Score one folder of images against another, by a named protocol and a named feature extractor."""

    help = (
        "Compute the squared Frechet distance between the images of two folders, subfolders included. It is called FID "
        "only with the extractor `inception`, whose weights you provide. Each value comes with its protocol and all "
        "hashes; files that can't be scored are listed and left out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder_1", metavar="FOLDER_1", type=Path, help="images, such as those of a generator")
        parser.add_argument("folder_2", metavar="FOLDER_2", type=Path, help="images, such as the reference")
        add_measure_options(parser, extractor=None)
        add_engine_option(parser)
        parser.add_argument(
            "--cache", metavar="FOLDER", type=Path, help="folder that keeps the statistics, to be used again"
        )

    def run(self, **options: Any) -> FrechetResult:
        return score_folders(
            options["folder_1"],
            options["folder_2"],
            measure_request(options),
            weight_folders=weight_folders(),
            cache=options["cache"],
            engine=options["engine"],
            progress=bars(),
        )

    def describe(self, result: FrechetResult) -> str:
        return "\n".join([*frechet_lines(result), *remark_lines(result)])
