"""How the endpoints are described in OpenAPI: what `Endpoint` declares and checks is what the document says.

Errors are the same everywhere, so they are described here, by what an operation is, and not endpoint by endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework.permissions import IsAuthenticated

from evaluation.api.base import Endpoint, ErrorSerializer
from evaluation.api.fields import Input, Mapped, Named, Several, Words

PROBLEMS: Mapping[int, str] = {
    400: "Bad input: a field or parameter is unknown, missing or not allowed. Nothing was changed.",
    401: "No token was sent, or it is not valid.",
    403: "A session without its CSRF token, or from another site. Send a token instead.",
    404: "What the address or the body names does not exist.",
    406: "The Accept header excludes every form that this address answers in.",
    409: "Not possible in the present state. Nothing was changed.",
    413: "The body is larger than this server accepts.",
    415: "The body has a media type that this address does not take.",
    429: "Too many requests. Wait as long as the header Retry-After says.",
    503: "The database or the task queue is not responding. Try again in a minute.",
    507: "The disk is full. Nothing was stored.",
}
"""What the statuses of errors mean."""

REFUSED = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff"
"""Characters that may stand in no text (`common.text.bad_character`); isolates, which may in pairs, among them."""
LINE_ENDS = r"\t\n\r\u2028\u2029"


def pattern_of(field: Words) -> str:
    """What a text without a pattern of its own must match: characters that can be kept, and more than blanks."""
    refused = REFUSED if field.lines else REFUSED + LINE_ENDS
    return f"^[^{refused}]*$" if field.allow_blank else rf"^[^{refused}]*[^\s{refused}][^{refused}]*$"


class Description(AutoSchema):
    """Describes an `Endpoint`: its query, its body, its errors."""

    view: Endpoint  # type: ignore[override]  # a property there, of any view

    def get_override_parameters(self) -> list[Any]:
        """The parameters of the address, from the input that checks them."""
        return [self.view.query] if self.method == "GET" and self.view.query().fields else []

    def get_request_serializer(self) -> Any:
        """The input that checks the body. Forms are taken as well; only JSON tells a number from a text."""
        return {"application/json": self.view.body} if self.view.body().fields else None

    def _get_format_parameters(self) -> list[Any]:
        return []  # Where an address has several forms, its query says how one is chosen.

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code in self._problems() - {int(code) for code in bodies}:
            told = OpenApiResponse(ErrorSerializer, description=PROBLEMS[code])
            bodies[str(code)] = self._get_response_for_code(told, str(code), ["application/json"], direction)
        return dict(sorted(bodies.items()))

    def _problems(self) -> set[int]:
        """The errors that an operation like this one can answer with."""
        for_researchers = any(isinstance(each, IsAuthenticated) for each in self.view.get_permissions())
        found = {400, 406, 429, 503}
        if "{" in self.path:
            found.add(404)
        if for_researchers:
            found |= {401}
        if self.method in ("POST", "PUT", "DELETE"):
            found |= {413, 415}
            if for_researchers:
                found |= {403, 404, 409, 507}
        return found

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        if isinstance(field, Named) and (names := list(field.names())):
            return schema | {"enum": names}
        if isinstance(field, Several) and field.least:
            return schema | {"minItems": field.least, "uniqueItems": True}
        if isinstance(field, Mapped):
            text = f"^[^{REFUSED}{LINE_ENDS}]*$"
            values = [{"type": "string", "pattern": text, "nullable": True}, {"type": "number"}, {"type": "boolean"}]
            return schema | {"additionalProperties": {"anyOf": values}}  # which names it may have OpenAPI 3.0 can't say
        if isinstance(field, Words):
            own = f"^({field.pattern})?$" if field.allow_blank else f"^{field.pattern}$"
            return schema | {"pattern": own if field.pattern else pattern_of(field)}
        return schema

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, Input) or (isinstance(serializer, type) and issubclass(serializer, Input)):
            schema["additionalProperties"] = False
            for name, each in schema.get("properties", {}).items():  # Our patterns say where nothing is a text too.
                if {"type": "string", "maxLength": 0} in each.get("oneOf", ()):
                    own, rest = each["oneOf"][0], {key: value for key, value in each.items() if key != "oneOf"}
                    schema["properties"][name] = own | rest
        return schema
