"""The contenders' tests run as those of training do: one thread, and the tiny cascade is known."""

from tests.training.conftest import tiny_cascade

__all__ = ["tiny_cascade"]
