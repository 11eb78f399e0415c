"""The published DrawBench, which the project may not ship: tests that need it say so and skip where it is absent."""

import csv
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[3] / "shared" / "data" / "drawbench.csv"
needs_published = pytest.mark.skipif(
    not PATH.exists(), reason="the published DrawBench is not beside the checkout (its licence lets nobody ship it)"
)


def published_rows() -> list[tuple[str, str]]:
    """(prompt, category) as in the file."""
    with PATH.open(encoding="utf-8", newline="") as file:
        return [(prompt, category) for prompt, category in list(csv.reader(file))[1:]]
