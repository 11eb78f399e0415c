"""`manage.py replications`: sealed bundles of one specification, pooled."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from evaluation.command import ProductCommand
from evaluation.reports.bundle.replications import Merged, in_words, merge_bundles


class Command(ProductCommand):
    """Check bundles of the same study held several times, and pool what they found."""

    help = (
        "Pool replications: sealed bundles of studies whose specifications share all but name, seed and contact. Each "
        "bundle is checked first. Each comparison has its pooled net share, with the study as a stratum and the "
        "prompts as shared, each study's own beside it, and a test whether the studies differ. docs/bundle.md has the "
        "formula."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="bundles, two or more")

    def run(self, **options: Any) -> Merged:
        return merge_bundles(options["files"])

    def describe(self, result: Merged) -> str:
        return in_words(result)
