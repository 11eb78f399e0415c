"""`manage.py orders`: how studies of the same runs order them, side by side."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.look_option import add_look
from evaluation.reports.wording.orders import orders_text
from evaluation.selectors.orders import studies_beside
from evaluation.selectors.studies import study_by_name
from evaluation.services.reporting.orders import study_orders
from evaluation.services.studies.looks import result_look


class Command(ProductCommand):
    """Print the order of the generators by each question of each study, and Kendall's tau between the orders."""

    help = (
        "Put the orders of generators from several studies side by side, such as two protocols on one suite: by each "
        "question the ranks, and between orders Kendall's tau-b with the range that the scores' errors leave open. "
        "Generators are told apart by their runs. With one study, all that share two runs or more with it are added."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_look(parser)
        parser.add_argument("studies", nargs="+", metavar="study", help="name of a study")

    def run(self, **options: Any) -> Mapping[str, Any]:
        names = options["studies"]
        if len(set(names)) < len(names):
            raise InputError("A study is named twice. Name each once.", field="studies")
        studies = [study_by_name(name) for name in names]
        if len(studies) == 1:
            studies += studies_beside(studies[0])
        for each in studies:
            result_look(study=each, what="orders", deliberate=options["look"])
        self.found = study_orders(studies)
        return self.found.to_dict()

    def describe(self, result: Mapping[str, Any]) -> str:
        return orders_text(self.found)
