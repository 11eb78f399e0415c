"""Instances of their own for tests that break them."""

from tests.local.conftest import _unhelped, fresh

__all__ = ["_unhelped", "fresh"]
