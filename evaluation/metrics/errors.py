"""What is wrong with a metric's input, in a sentence for people."""

from __future__ import annotations

from common.errors import UserError


class MetricError(UserError):
    """Input that has no such metric, or that is not what it should be. The message says what to do next."""
