"""The OpenAPI document as lines for a page: what each operation takes and answers, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A parameter or a field. `kind`: its type and limits in words; `leads_to`: the object that it is, or lists."""

    name: str
    kind: str
    needed: bool = False
    help: str = ""
    place: str = ""
    leads_to: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent, with its `fields`, or answered. `leads_to`: the named object that is answered."""

    media_type: str
    kind: str
    sent_as: str = ""
    leads_to: str = ""
    fields: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One status of an operation."""

    status: str
    words: str
    bodies: Sequence[Body] = ()

    @property
    def is_error(self) -> bool:
        """Errors all have one form, so the page lists them in a line."""
        return self.status >= "400"


@dataclass(frozen=True, slots=True)
class Operation:
    """One address by one method. `anchor`: its place on the page."""

    anchor: str
    method: str
    path: str
    paragraphs: Sequence[str]
    open_to_all: bool
    parameters: Sequence[Line]
    bodies: Sequence[Body]
    answers: Sequence[Answer]


def operations(document: Document) -> dict[str, list[Operation]]:
    """The operations by noun, in the order of their addresses."""
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            if not isinstance(each, dict) or "operationId" not in each:
                continue
            noun = each["tags"][0]
            found.setdefault(noun, []).append(
                Operation(
                    anchor=f"operations-{noun}-{each['operationId']}",
                    method=method.upper(),
                    path=path,
                    paragraphs=[" ".join(part.split()) for part in each["description"].replace("`", "").split("\n\n")],
                    open_to_all=not each.get("security") or {} in each["security"],
                    parameters=[_parameter(one) for one in each.get("parameters", ())],
                    bodies=_bodies(document, each.get("requestBody", {}), sent=True),
                    answers=[
                        Answer(status, told.get("description", ""), _bodies(document, told))
                        for status, told in each["responses"].items()
                    ],
                )
            )
    return found


def objects(document: Document) -> dict[str, list[Line]]:
    """The named objects with their fields; bodies that are sent stand with their operations."""
    sent = {body.sent_as for each in operations(document).values() for operation in each for body in operation.bodies}
    schemas = document["components"]["schemas"]
    return {
        name: _fields(schema) for name, schema in sorted(schemas.items()) if name not in sent and "properties" in schema
    }


def _parameter(one: Mapping[str, Any]) -> Line:
    schema = one["schema"]
    return Line(one["name"], kind(schema), one.get("required", False), one.get("description", ""), one["in"])


def _bodies(document: Document, holder: Mapping[str, Any], *, sent: bool = False) -> list[Body]:
    bodies = []
    for media_type, content in holder.get("content", {}).items():
        schema = content.get("schema", {})
        if sent:
            bodies += [
                Body(media_type, kind(one), _named(one), fields=_fields(_object(document, one)))
                for one in _alternatives(document, schema)
            ]
        else:
            bodies.append(Body(media_type, kind(schema), leads_to=_named(schema)))
    return bodies


def _alternatives(document: Document, schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The bodies that `schema` lets one choose from; itself where there is no choice."""
    return list(_object(document, schema).get("oneOf", ())) or [schema]


def _object(document: Document, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The named object that `schema` is; itself where it has no name, as the bytes of a part."""
    name = _named(schema)
    named: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return named


def _fields(schema: Mapping[str, Any]) -> list[Line]:
    needed = schema.get("required", ())
    lines = []
    for name, each in schema.get("properties", {}).items():
        lines.append(Line(name, kind(each), name in needed, each.get("description", ""), leads_to=_named(each)))
    return lines


def _named(schema: Mapping[str, Any]) -> str:
    """The named object that a schema is, or has a list of; empty for any other."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "items" in schema:
        return _named(schema["items"])
    return next((_named(each) for each in (*schema.get("allOf", ()), *schema.get("oneOf", ())) if _named(each)), "")


def kind(schema: Mapping[str, Any]) -> str:
    """A schema in words: `whole number, 1 to 1,000, or null`."""
    words = _kind(schema)
    if schema.get("maxLength"):
        words += f", at most {schema['maxLength']:,} characters"
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None and most < 2**53:
        words += f", {least:,} to {most:,}"
    elif least is not None:
        words += f", {least:,} or more"
    if "minItems" in schema:
        words += f", {schema['minItems']} to {schema.get('maxItems', 'any number')}"
    if schema.get("nullable"):
        words += ", or null"
    if schema.get("default") not in (None, "", {}, []):
        words += (
            f"; default: {str(schema['default']).lower() if isinstance(schema['default'], bool) else schema['default']}"
        )
    return words


def _kind(schema: Mapping[str, Any]) -> str:
    if name := _named(schema):
        name = name.removesuffix("InputRequest")
        return f"list of {name}" if schema.get("type") == "array" else name
    if "enum" in schema:
        return "one of " + ", ".join(str(each) for each in schema["enum"] if each is not None)
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    formats = {"date-time": "date and time", "binary": "file", "uri": "address", "uuid": "UUID"}
    types = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}
    return formats.get(schema.get("format", ""), types.get(schema.get("type", ""), "object"))
