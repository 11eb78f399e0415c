"""How the API reads bodies: JSON through the one reader of JSON from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError

from common.json_in import JsonError, read_json


class JSONParser(parsers.JSONParser):
    """DRF's, with the bounds of `common.json_in`: depth, numbers, names that stand twice, characters."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The value in the body.

        Raises:
            ParseError: it is no JSON that can be taken.
        """
        try:
            return read_json(stream.read())
        except JsonError as error:
            raise ParseError(f"The body can't be read as JSON: {error}.") from error
