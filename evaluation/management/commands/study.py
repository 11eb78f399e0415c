"""`manage.py study`: a study that comes with the program, from drawing to its report."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.urls import reverse

from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.management.paper_option import paper_written
from evaluation.reports.compute import settings_from
from evaluation.services.imagen_small import CONTENDERS, NAME, SmallStudy, StudySize, study_imagen_small
from evaluation.services.store.places import study_figures


class Command(ProductCommand):
    """Open a study that comes with the program."""

    help = (
        "Open a study that comes with the program. imagen-small compares the bundled cascade with contenders of other "
        "shapes, as section 4.3 of Imagen's paper does: it draws all that have weights, on 33 prompts with 4 samples, "
        "scores them, opens the study, fills it with simulated raters (marked as such) and makes the report. Continues "
        "where it was interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", choices=[NAME], help="which study")
        parser.add_argument("--full", action="store_true", help="all 200 prompts with 8 samples each")
        parser.add_argument("--size", type=int, default=256, choices=[64, 256, 1024], help="image size in pixels")
        parser.add_argument(
            "--simulated-share",
            type=float,
            default=1.0,
            help="share of each panel's places that simulated raters take, 0 to 1; the rest is for people",
        )
        parser.add_argument(
            "--out",
            type=Path,
            metavar="FOLDER",
            help="where the paper's figures go (default: var/figures/STUDY)",
        )
        parser.add_argument("--base-url", default="http://127.0.0.1:8000", help="address of the web server")

    def run(self, **options: Any) -> Mapping[str, Any]:
        share = options["simulated_share"]
        if not 0 <= share <= 1:
            raise InputError(f"--simulated-share must be from 0 to 1, such as 0.6; got {share:g}.")
        size = StudySize(options["full"], options["size"], share)
        made = study_imagen_small(size=size, say=self.stderr.write)
        out = options["out"] or study_figures(made.study.name)
        asked: dict[str, Any] = {"pair": [], "question": [], "out": out}
        figures = paper_written(made.study, settings_from(made.report.settings), asked)
        return {**_described(made, options["base_url"].rstrip("/")), "figures": figures}

    def describe(self, result: Mapping[str, Any]) -> str:
        lines = [f"Study {result['study']}: {result['report']} (./dev serve shows it)"]
        for one in result["contenders"]:
            if one["train"]:
                lines.append(f"  {one['label']} ({one['stands_for']}): no weights yet; {', then '.join(one['train'])}")
            else:
                right, n = one["right"], one["n"]
                lines.append(
                    f"  {one['label']} ({one['stands_for']}): {right:.0%} of what was asked, over {n:,} images"
                )
        lines.append(
            f"Its {result['simulated_ratings']:,} new ratings are SIMULATED, from these shares alone, and are marked "
            f"wherever shown. The rates: ./dev manage analyse {result['study']} --summary"
        )
        lines += [f"  {path}" for path in result.get("figures", ())]
        return "\n".join(lines)


def _described(made: SmallStudy, base: str) -> dict[str, Any]:
    measured = {one.label: one for one in made.measured}
    return {
        "study": made.study.name,
        "report": base + reverse("researcher:study-report", args=[made.study.name]),
        "simulated_ratings": made.simulated,
        "contenders": [
            {
                "label": one.label,
                "generator": one.generator,
                "stands_for": one.stands_for,
                "parameters": dict(one.parameters),
                "train": list(made.missing.get(one.label, ())),
                "right": measured[one.label].right if one.label in measured else None,
                "n": measured[one.label].n if one.label in measured else 0,
            }
            for one in CONTENDERS
        ],
    }
