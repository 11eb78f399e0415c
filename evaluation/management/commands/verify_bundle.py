"""`manage.py verify_bundle`: check a sealed bundle."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from evaluation.command import ProductCommand
from evaluation.reports.bundle.__main__ import DESCRIPTION, DIFFERS, add_arguments, in_words
from evaluation.reports.bundle.verify import Verified, verify_bundle


class Command(ProductCommand):
    """Check a bundle that export_study wrote; `python -m evaluation.reports.bundle` does the same without Django."""

    help = DESCRIPTION

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def run(self, **options: Any) -> Verified:
        self.found = verify_bundle(options["file"], key=options["key"])
        return self.found

    def describe(self, result: Verified) -> str:
        return in_words(result)

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if not self.found.holds:
            sys.exit(DIFFERS)
