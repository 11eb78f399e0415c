"""`manage.py make_suite`: a prompt-variation suite, or a part of another suite."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.selectors.suites import suite_by_name
from evaluation.services.suites.make import suite_make_subset, suite_make_variation
from evaluation.suites.vary import LENSES, LIGHTS, STYLES


class Command(ProductCommand):
    """Make a suite of prompts."""

    help = (
        "Make a suite: either --vary SUBJECT in every combination of styles, lights and lenses, or a part of another "
        "suite, --from SUITE --per-category N. Making the same suite again gives the existing one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--vary", metavar="SUBJECT", help='such as "a lighthouse on a cliff"')
        what.add_argument("--from", dest="suite", metavar="SUITE[@VERSION]", help="the suite to take prompts from")
        for axis, default in (("styles", STYLES), ("lights", LIGHTS), ("lenses", LENSES)):
            parser.add_argument(
                f"--{axis}",
                metavar="A,B",
                help=f"{axis}, separated by commas; empty for none (default: {', '.join(default)})",
            )
        parser.add_argument("--per-category", type=int, metavar="N", help="with --from: at most N prompts per category")
        parser.add_argument("--name", default="", help="the suite's name: letters, digits, - and _")

    def run(self, **options: Any) -> Mapping[str, Any]:
        axes = {axis: options[axis] for axis in ("styles", "lights", "lenses")}
        if options["vary"] is not None:
            if options["per_category"] is not None:
                raise InputError("--per-category can only be used with --from, not with --vary.")
            given = {axis: _listed(text) for axis, text in axes.items() if text is not None}
            suite = suite_make_variation(subject=options["vary"], name=options["name"], **given)
        else:
            if options["per_category"] is None:
                raise InputError("--from needs --per-category N: the number of prompts to take from each category.")
            if any(text is not None for text in axes.values()):
                raise InputError("--styles, --lights and --lenses can only be used with --vary, not with --from.")
            suite = suite_make_subset(
                suite=suite_by_name(options["suite"]), per_category=options["per_category"], name=options["name"]
            )
        return {
            "suite": suite.name,
            "version": suite.version,
            "title": suite.title,
            "prompts": suite.prompts.count(),
            "version_hash": suite.version_hash,
            "first_prompts": list(suite.prompts.order_by("number").values_list("text", flat=True)[:3]),
        }

    def describe(self, result: Mapping[str, Any]) -> str:
        lines = [f"Suite {result['suite']}@{result['version']}: {counted(result['prompts'], 'prompt')}, beginning with"]
        return "\n".join(lines + [f"  {text}" for text in result["first_prompts"]])


def _listed(text: str) -> list[str]:
    """The parts of a list with commas between; none of an empty text."""
    return [part.strip() for part in text.split(",")] if text.strip() else []
