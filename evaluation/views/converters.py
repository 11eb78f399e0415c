"""Parts of addresses that Django has no converter for. Importing this module registers them."""

from __future__ import annotations

from django.urls import register_converter


class _Text:
    """A part of an address that stays text."""

    regex = ""

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class Sha256(_Text):
    """The name of a stored image."""

    regex = "[0-9a-f]{64}"


class FigureSuffix(_Text):
    """The formats of figures."""

    regex = "svg|pdf|png"


class RatingsSuffix(_Text):
    """The formats of ratings files."""

    regex = "csv|parquet"


register_converter(Sha256, "sha256")
register_converter(FigureSuffix, "figure")
register_converter(RatingsSuffix, "ratings")
