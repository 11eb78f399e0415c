"""The error that every room's own errors of bad input are kinds of."""

from __future__ import annotations


class UserError(ValueError):
    """Bad input. The message is for people: what was given, what is allowed and what to do next."""
