"""The suites that ship with the project, in fixtures/suites/."""

from common.places import DEMO_SUITE, SUITE
from evaluation.suites.formats import read_suite
from evaluation.suites.types import SuiteData

BUNDLED = {"drawbench-cc0": SUITE, "drawbench-cc0-demo": DEMO_SUITE}
"""Name -> file."""


def bundled_suite(name: str = "drawbench-cc0") -> SuiteData:
    """A suite that ships; KeyError for a name that is not in BUNDLED."""
    return read_suite(BUNDLED[name], name=name)
