"""The option of commands that show results: to look though a study keeps its rates hidden."""

from __future__ import annotations

from argparse import ArgumentParser


def add_look(parser: ArgumentParser) -> None:
    """`--look`."""
    parser.add_argument(
        "--look",
        action="store_true",
        help="look at an open study that keeps its rates hidden; the look is logged, and the report counts it",
    )
