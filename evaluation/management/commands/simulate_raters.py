"""`simulate_raters`: simulated raters take part in a study, marked as such."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from common.commands import named_once
from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.selectors.studies import study_by_name
from evaluation.services.rating.simulate import raters_simulate


class Command(ProductCommand):
    """Fill a part of an open study with simulated raters."""

    help = (
        "Add simulated ratings to an open study, to try it out or to test whether a known preference is recovered. "
        "They are marked as simulated on every page, export and report. The same seed gives the same ratings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="name of the study")
        many = parser.add_mutually_exclusive_group()
        many.add_argument("--share", type=float, help="share of each panel's places to fill, 0 to 1 (default: 0.6)")
        many.add_argument("--raters", type=int, help="number of simulated raters; they fill the emptiest panels first")
        parser.add_argument("--seed", type=int, default=0, help="seed of the simulation (default: 0)")
        parser.add_argument(
            "--prefer",
            action="append",
            default=[],
            metavar="LABEL[:QUESTION]=LOGIT",
            help="how much the simulated raters like a run, on the logit scale (default: 0): a run 0.8 above another "
            "gets 69 %% of the decided answers; repeat for several",
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        """Simulate."""
        share = 0.6 if options["share"] is None and options["raters"] is None else options["share"]
        return raters_simulate(
            study=study_by_name(options["study"]),
            seed=options["seed"],
            share=share,
            raters=options["raters"],
            prefer=named_once("--prefer", map(_preference, options["prefer"])),
        )

    def describe(self, result: Mapping[str, Any]) -> str:
        """For people."""
        return (
            f"Study {result['study']}: {counted(result['ratings'], 'rating')} by "
            f"{counted(result['raters'], 'simulated rater')} (seed {result['seed']}). "
            f"{counted(result['places_left'], 'place')} left for people."
        )


def _preference(text: str) -> tuple[str, float]:
    """`LABEL=0.8` as a pair. Raises InputError if it is none."""
    label, _, value = text.rpartition("=")
    try:
        return label.strip(), float(value)
    except ValueError:
        raise InputError(f'--prefer "{text}" is not LABEL=NUMBER, such as imagen=0.8.', field="prefer") from None
