"""`manage.py load_suite`: a suite by name or from a file."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db.models import Count

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.services.suites.load import (
    FETCH_SECONDS,
    PUBLISHED,
    SuiteReading,
    suite_load,
    suite_read_whole_drawbench,
)
from evaluation.services.suites.save import SuiteLoaded, suite_store
from evaluation.suites import BUNDLED, FORMATS


class Command(ProductCommand):
    """Load a suite of prompts."""

    help = (
        f"Load a suite of prompts: {PUBLISHED} (the published one, downloaded from its publishers or read from "
        f"--file), {', '.join(BUNDLED)} (included), or the path of a CSV, TSV, JSON, JSONL, COCO or text file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help=f"{PUBLISHED}, {', '.join(BUNDLED)}, or a path")
        parser.add_argument("--file", type=Path, help=f"with {PUBLISHED}: your own copy of it, instead of a download")
        parser.add_argument("--name", default="", help="the suite's name: letters, digits, - and _")
        parser.add_argument("--title", default="", help="a title for people")
        parser.add_argument("--licence", default="", help="the licence of its prompts")
        parser.add_argument(
            "--file-format", choices=FORMATS, help="how to read the file, where the format is not recognised"
        )
        parser.add_argument(
            "--captions", choices=["one", "all"], default="one", help="COCO: one caption per image (default), or all"
        )
        parser.add_argument("--sample", type=int, help="keep this many prompts, drawn at random with --seed")
        parser.add_argument("--seed", type=int, default=0, help="the seed of --sample (default: 0)")
        parser.add_argument(
            "--duplicates",
            choices=["refuse", "first"],
            default="refuse",
            help="repeated prompts: refuse the file (default), or keep the first",
        )
        parser.add_argument(
            "--timeout",
            type=float,
            default=FETCH_SECONDS,
            help=f"time limit of the download in seconds (default: {FETCH_SECONDS:g})",
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        loaded = self._load(options)
        suite = loaded.suite
        categories = dict(suite.prompts.order_by().values_list("category").annotate(n=Count("pk")).order_by("category"))
        return {
            "suite": suite.name,
            "version": suite.version,
            "title": suite.title,
            "created": loaded.created,
            "prompts": sum(categories.values()),
            "categories": categories,
            "content_hash": suite.content_hash,
            "version_hash": suite.version_hash,
            "licence": suite.licence,
            "notes": list(loaded.notes),
        }

    def _load(self, options: Mapping[str, Any]) -> SuiteLoaded:
        if options["file"] is not None:
            if options["source"] != PUBLISHED:
                raise InputError(f"--file can only be used with {PUBLISHED}. For any other file: load_suite PATH")
            data = suite_read_whole_drawbench(options["file"])
            return suite_store(data=data, name=options["name"], title=options["title"], source=options["file"].name)
        return suite_load(
            source=options["source"],
            name=options["name"],
            title=options["title"],
            licence=options["licence"],
            reading=SuiteReading(
                source_format=options["file_format"],
                captions=options["captions"],
                sample=options["sample"],
                seed=options["seed"],
                duplicates=options["duplicates"],
            ),
            fetch_seconds=options["timeout"],
        )

    def describe(self, result: Mapping[str, Any]) -> str:
        said = "Loaded" if result["created"] else "Already loaded:"
        counts = (
            f"{counted(result['prompts'], 'prompt')} in {counted(len(result['categories']), 'category,categories')}."
        )
        lines = [f"{said} {result['suite']}@{result['version']}: {counts}"]
        if result["created"]:
            lines += [f"  {name}: {n:,}" for name, n in list(result["categories"].items())[:30]]
        return "\n".join([*lines, *(f"  Note: {note}" for note in result["notes"])])
