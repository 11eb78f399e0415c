"""Instances of their own for tests that break them."""

from collections.abc import Iterator

import pytest

from drawbench.local.places import Places
from tests.local.conftest import _instance, _unhelped, fresh

__all__ = ["_unhelped", "fresh"]


@pytest.fixture(scope="module")
def module_places() -> Iterator[Places]:
    """An instance for all tests of a module."""
    yield from _instance(start=False)
