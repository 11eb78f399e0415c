"""Columns for what programs say (generators, metrics, errors): made fit to be kept at every write, never refused.

A person's text is refused at the gate (`common.text.checked`) and may be written anew; a program's can't.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from common import limits
from common.text import cleaned, storable


class SaidText(models.TextField):
    """Text that a program said: at most `limits.MESSAGE` characters of it, without those that no text may have."""

    def get_prep_value(self, value: Any) -> Any:
        """As it is written."""
        return cleaned(value, limits.MESSAGE) if isinstance(value, str) else super().get_prep_value(value)

    def deconstruct(self) -> Any:
        """To migrations it is a column of text like any other."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


class SaidChars(models.CharField):
    """A line that a program said, of at most `max_length` characters."""

    def get_prep_value(self, value: Any) -> Any:
        """As it is written."""
        return cleaned(value, self.max_length or 0) if isinstance(value, str) else super().get_prep_value(value)

    def deconstruct(self) -> Any:
        """To migrations it is a column of text like any other."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class SaidJSON(models.JSONField):
    """What a program said as JSON: its texts as in `SaidText` but whole; numbers that are none as their names."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """As it is written."""
        return super().get_db_prep_value(storable(value), connection, prepared)

    def deconstruct(self) -> Any:
        """To migrations it is a column of JSON like any other."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs
