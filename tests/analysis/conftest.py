"""Arithmetic that goes wrong in silence (NaN, infinity) fails the tests of the analysis."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What numpy warns of is an error here: a number that has no meaning is left out before it is made."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error::RuntimeWarning"))
