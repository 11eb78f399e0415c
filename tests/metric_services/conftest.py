"""The plug-in metrics of tests/plugins, and real workers on the test database, as the tests of runs have them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evaluation.services.scoring.load import forget_metrics
from tests.runs.conftest import plugin, start_worker  # noqa: F401  (fixtures)


@pytest.fixture(autouse=True)
def nothing_loaded(plugin: None) -> Iterator[None]:  # noqa: F811  (the fixture of that name)
    """No metric is left from an earlier test."""
    forget_metrics()
    yield
    forget_metrics()
