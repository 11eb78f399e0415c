"""Fields of the API's input that hold to the gate for numbers (`common.numbers`)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from common import limits
from common.numbers import number_or_none, shown, whole_or_none


class Whole(serializers.IntegerField):
    """A whole number that a column takes; `least` and `most` where they are no service's to say."""

    def __init__(self, *, least: int = -limits.BIG_COLUMN - 1, most: int = limits.BIG_COLUMN, **options: Any) -> None:
        super().__init__(min_value=least, max_value=most, **options)

    def to_internal_value(self, data: Any) -> int:
        """The number; true, 3.5, NaN and other scripts' digits are none."""
        found = whole_or_none(data)
        if found is None:
            raise serializers.ValidationError(f"Give a whole number of at most 64 bits; got {shown(data)}.")
        return found


class Number(serializers.FloatField):
    """A finite number."""

    def to_internal_value(self, data: Any) -> float:
        """The number; true, NaN and Infinity are none."""
        found = number_or_none(data)
        if found is None:
            raise serializers.ValidationError(f"Give a number, such as 0.5; got {shown(data)}.")
        return found
