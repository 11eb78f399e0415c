"""The suites that ship with the project, in fixtures/suites/."""

from pathlib import Path

from evaluation.suites.formats import read_suite
from evaluation.suites.types import SuiteData

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "suites"
BUNDLED = {"drawbench-cc0": FOLDER / "drawbench-cc0.csv"}
"""Name -> file."""


def bundled_suite(name: str = "drawbench-cc0") -> SuiteData:
    """A suite that ships; KeyError for a name that is not in BUNDLED."""
    return read_suite(BUNDLED[name], name=name)
