"""`manage.py analyse`: preference rates of a study, or of a ratings file."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from evaluation.analysis.families import ALL
from evaluation.analysis.fragility import Fragility, fragility
from evaluation.analysis.frame import by_people, read_ratings, validate_ratings
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.reports.compute import compute, settings_from
from evaluation.reports.wording.fragility import fragility_text
from evaluation.reports.wording.results import results_text
from evaluation.selectors.declared import declared_primary, family_of
from evaluation.selectors.ratings import ratings_frame, study_categories
from evaluation.selectors.studies import study_by_name


class Command(ProductCommand):
    """Print the shares of the answers and the net share with intervals, per question, overall and by category."""

    help = (
        "Analyse the ratings of a study, or of a ratings file (CSV or Parquet; same numbers). For each pair and "
        "question, overall and by category: the shares of the answers, and the net share with its default interval "
        "(over raters and prompts) and, for comparison, the naive one. The text begins with a summary and the rankings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", nargs="?", help="name of the study")
        parser.add_argument("--ratings", metavar="FILE", help="a ratings file instead of a study")
        parser.add_argument(
            "--estimand",
            help="what the default interval speaks for: raters_and_prompts, raters, prompts or votes (default: what "
            "the study declared, else raters_and_prompts)",
        )
        parser.add_argument("--level", type=float, default=0.95, help="confidence level (default: 0.95)")
        parser.add_argument(
            "--question", action="append", default=[], metavar="NAME", help="only this question; repeat for several"
        )
        parser.add_argument(
            "--pair",
            action="append",
            default=[],
            metavar="A,B",
            help="only this pair of generators; repeat for several",
        )
        parser.add_argument(
            "--summary",
            action="store_true",
            help="only the overall figures and the rankings, a line for each comparison",
        )
        parser.add_argument("--without-simulated", action="store_true", help="leave simulated ratings out")
        parser.add_argument(
            "--fragility",
            action="store_true",
            help="also: the fewest raters, prompts or votes whose removal overturns each finding (takes longer)",
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        if (options["study"] is None) == (options["ratings"] is None):
            raise InputError("Name either a study or a file with --ratings FILE. analyse --help shows how.")
        include = not options["without_simulated"]
        asked: dict[str, object] = {"level": options["level"], "include_simulated": include}
        if options["estimand"] is not None:
            asked["estimand"] = options["estimand"]
        family = ALL
        categories: tuple[str, ...] = ()
        if options["ratings"] is not None:
            settings = settings_from(asked)
            valid = read_ratings(options["ratings"])
            self.title = f"Ratings file {options['ratings']}"
            valid = valid if include else by_people(valid)
        else:
            study = study_by_name(options["study"])
            self.title = f"Study {study.name}"
            declared = declared_primary(study.specification)
            settings = settings_from({**({"estimand": declared.estimand} if declared else {}), **asked})
            family = family_of(study.specification, settings.estimand)
            valid = validate_ratings(ratings_frame(study, include_simulated=include))
            categories = study_categories(study)
        self.summary = options["summary"]
        self.results = compute(
            valid, settings, family, declared=categories, questions=options["question"], pairs=options["pair"]
        )
        self.fragile: tuple[Fragility, ...] | None = None
        if options["fragility"]:
            there = {(each.generator_a, each.generator_b, each.question) for each in self.results.comparisons}
            found = fragility(valid, estimand=settings.estimand, level=settings.level)
            self.fragile = tuple(each for each in found if (each.generator_a, each.generator_b, each.question) in there)
        more = {} if self.fragile is None else {"fragility": [each.to_dict() for each in self.fragile]}
        return (self.results.to_summary() if self.summary else self.results.to_dict()) | more

    def describe(self, result: Mapping[str, Any]) -> str:
        text = results_text(self.results, title=self.title, summary=self.summary)
        return text if self.fragile is None else f"{text}\n\n{fragility_text(self.fragile)}"
