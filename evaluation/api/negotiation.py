"""In which form an address answers: JSON mostly, and where there are others, the one that `Accept` prefers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http.request import MediaType
from rest_framework.renderers import BaseRenderer


class Csv(BaseRenderer):
    """A table for spreadsheets. The views write it themselves."""

    media_type = "text/csv"
    format = "csv"
    charset: str | None = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        return data


class Parquet(Csv):
    """A table for programs."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"
    charset = None
    render_style = "binary"


class AnyImage(Parquet):
    """An image in the format it is stored in."""

    media_type = "image/*"
    format = "image"


class Zip(Parquet):
    """Files in one."""

    media_type = "application/zip"
    format = "zip"


class Html(Csv):
    """A page."""

    media_type = "text/html"
    format = "html"


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """The media type of `offered` that the header `accept` likes best, the first where it likes several alike.

    Parameters of media types count for nothing but their `q` (RFC 9110, 12.5.1), and the most specific range that fits
    an offer gives its `q`. An empty header takes anything. None: no offer fits.
    """
    ranges = [MediaType(each.strip()) for each in accept.split(",") if each.strip()] or [MediaType("*/*")]
    liked = [(_quality(each, ranges), -place) for place, each in enumerate(offered)]
    best, place = max(liked)
    return offered[-place] if best > 0 else None


def _quality(offer: str, ranges: Sequence[MediaType]) -> float:
    main, sub = offer.split("/")
    fitting = [
        ((each.main_type != "*") + (each.sub_type not in ("*", "")), each.quality)
        for each in ranges
        if each.main_type in ("*", main) and (each.sub_type in ("*", sub) or sub == "*" or each.main_type == "*")
    ]
    return max(fitting)[1] if fitting else 0.0
