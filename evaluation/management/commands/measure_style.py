"""`manage.py measure_style`: the styles of a study's images, for `analyse --style`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.files import write_whole
from common.words import counted
from evaluation.command import ProductCommand
from evaluation.reports.ratings_file import ratings_csv
from evaluation.selectors.studies import study_by_name
from evaluation.services.scoring.style import study_styles


class Command(ProductCommand):
    """Measure brightness, saturation, sharpness and aspect of the images that a study shows, and text if asked."""

    help = (
        "Write a table of the styles of a study's images: brightness, saturation, sharpness and aspect, a row for each "
        "prompt and run. `analyse STUDY --style FILE` says how much of the raters' preference goes with them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="name of the study")
        parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="FILE.csv; replaced if it is there")
        parser.add_argument(
            "--text", action="store_true", help="also whether an image has text (takes seconds an image)"
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        frame = study_styles(study=study_by_name(options["study"]), with_text=options["text"])
        write_whole(options["out"], ratings_csv(frame))
        styles = [name for name in frame.columns if name not in ("prompt_id", "generator")]
        return {"study": options["study"], "file": str(options["out"]), "rows": len(frame), "styles": styles}

    def describe(self, result: Mapping[str, Any]) -> str:
        return f"Wrote {result['file']}: {counted(result['rows'], 'row')} of {', '.join(result['styles'])}."
