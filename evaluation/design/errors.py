"""The error of a design that can't be had."""

from __future__ import annotations

from common.errors import UserError


class DesignError(UserError):
    """A design that can't be had: the message says what was asked for and what is needed."""
