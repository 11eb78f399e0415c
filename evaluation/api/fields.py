"""What bodies and addresses may hold: inputs that refuse names they do not know, fields that take their own kind alone.

Django REST framework ignores unknown names, takes the last of a name given twice, and turns text into numbers, and says
nothing of it: a misspelt field makes another study than the one asked for. In JSON a number is a number; in forms and
addresses everything is text, and text that reads as the kind is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.utils.datastructures import MultiValueDict
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.settings import api_settings
from rest_framework.utils import html

from common.json_in import JsonError, read_json
from common.numbers import number_or_none
from common.words import nearest, nearest_name

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise  # in Django's types alone

LONGEST_SHOWN = 60
"""Characters of what was given that an error repeats."""

LARGEST = 2**63 - 1
"""The largest whole number that the database keeps."""

LONGEST_NUMBER = 40
"""Characters of a number in a form or an address."""

MOST_NAMED = 20
"""Wrong names that one answer tells: finding the nearest of a hundred thousand would take a minute."""

SAID: dict[str, str | _StrPromise] = {
    "required": "This is missing. Give it.",
    "null": "null is not allowed here. Give a value, or leave it out.",
    "blank": "This is empty. Give it a value.",
}
"""What every field says of what is not there."""

AnyField = serializers.Field


class Input(serializers.Serializer[dict[str, Any]]):
    """The fields that a caller may give. Other names are refused, with the nearest known one; so are names given twice.

    `noun`: what a field is called in errors.
    """

    noun: ClassVar[str] = "field"
    default_error_messages = SAID | {"invalid": "Expected an object (a dictionary) of fields, not {datatype}."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The checked fields. Raises ValidationError with everything that is wrong, names first."""
        errors = self._wrong_names(data) if isinstance(data, Mapping) else {}
        try:
            checked: dict[str, Any] = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not errors:
                raise
            others = error.detail if isinstance(error.detail, Mapping) else {}
            errors = {**errors, **{name: each for name, each in others.items() if name not in errors}}
        if errors:
            raise serializers.ValidationError(errors)
        return checked

    def _wrong_names(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        """What is wrong with the names alone: unknown ones, and in forms and addresses those given twice."""
        known = {name: field for name, field in self.fields.items() if not field.read_only}
        errors: dict[str, Any] = {}
        for name in map(str, data):
            if len(errors) == MOST_NAMED:
                break
            if name not in known and not (isinstance(data, MultiValueDict) and _is_part(name, known)):
                # Within an object the error is the object's own: `field` then names one that there is.
                place = name[:LONGEST_SHOWN] if self.parent is None else api_settings.NON_FIELD_ERRORS_KEY
                errors.setdefault(place, []).append(self._unknown(name, known))
            elif isinstance(data, MultiValueDict) and name in known:
                wrong = _wrongly_written(name, known[name], data.getlist(name))
                if wrong:
                    errors[name] = [wrong]
        return errors

    def _unknown(self, name: str, known: Mapping[str, AnyField]) -> str:
        listing = f"{self.noun.capitalize()}s: {', '.join(known)}." if known else f"There are no {self.noun}s here."
        shown = name[:LONGEST_SHOWN]
        return f'Unknown {self.noun} "{shown}"{nearest(shown, known) or "."} {listing}'


class Query(Input):
    """What may stand behind the `?` of an address."""

    noun = "parameter"

    def _wrong_names(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        """An empty value is none: a form's empty field means "not given", but nobody writes `?limit=` to say so."""
        empty_ones = {
            name: ["Give it a value, or leave it out."]
            for name, field in self.fields.items()
            if data.get(name) == "" and not getattr(field, "allow_blank", False)
        }
        return super()._wrong_names(data) | empty_ones


class Words(serializers.CharField):
    """Text. `pattern`: what all of it must match; `pattern_words`: that in words, for errors. `lines`: whether it may
    have several lines.
    """

    default_error_messages = SAID | {
        "invalid": "Expected text (a string), but got {got}.",
        "max_length": "Use at most {max_length} characters.",
        "pattern": "{got} is not allowed. {words}",
    }

    def __init__(self, *, pattern: str = "", pattern_words: str = "", lines: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.pattern, self.pattern_words, self.lines = pattern, pattern_words, lines

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid", got=given_in_words(data))
        if self.pattern and data and not re.fullmatch(self.pattern, data):
            self.fail("pattern", got=given_in_words(data).capitalize(), words=self.pattern_words)
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A whole number from `min_value` to `max_value`."""

    default_error_messages = SAID | {
        "invalid": "Expected a whole number (an integer), but got {got}.",
        "range": "Must be between {least:,} and {most:,}; got {got}.",
    }

    def __init__(self, *, min_value: int = 0, max_value: int = LARGEST, **options: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **options)

    def to_internal_value(self, data: Any) -> int:
        number: object = data
        if isinstance(data, str) and is_written(self) and re.fullmatch(r"-?[0-9]+", data[: LONGEST_NUMBER + 1]):
            number = int(data[:LONGEST_NUMBER])
        elif isinstance(data, float) and data.is_integer():  # JSON has one kind of number: 5.0 is 5.
            number = int(data)
        if isinstance(number, bool) or not isinstance(number, int):
            self.fail("invalid", got=given_in_words(data))
        if not self.min_value <= number <= self.max_value:  # type: ignore[operator]
            self.fail("range", least=self.min_value, most=self.max_value, got=given_in_words(data))
        return number


class Number(serializers.FloatField):
    """A number from `min_value` to `max_value`; never NaN or infinity, which JSON does not have.

    `meaning`: what a value stands for, for errors.
    """

    default_error_messages = SAID | {
        "invalid": "Expected a number, but got {got}.",
        "range": "Must be between {least:g} and {most:g}{meaning}; got {got}.",
    }

    def __init__(self, *, min_value: float, max_value: float, meaning: str = "", **options: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **options)
        self.meaning = f" ({meaning})" if meaning else ""

    def to_internal_value(self, data: Any) -> float:
        number: object = data
        written = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?"
        if isinstance(data, str) and is_written(self) and len(data) <= LONGEST_NUMBER and re.fullmatch(written, data):
            number = float(data)
        if not isinstance(number, int | float) or number_or_none(number) is None:
            self.fail("invalid", got=given_in_words(data))
        if not self.min_value <= number <= self.max_value:  # type: ignore[operator]
            self.fail(
                "range", least=self.min_value, most=self.max_value, meaning=self.meaning, got=given_in_words(data)
            )
        return float(number)


class Flag(serializers.BooleanField):
    """true or false."""

    default_error_messages = SAID | {"invalid": "Expected true or false (a boolean), but got {got}."}
    default_empty_html: Any = empty  # As in JSON, what is not given is not false.

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(data, str) and is_written(self) and data.lower() in ("true", "false", "1", "0"):
            return data.lower() in ("true", "1")
        if not isinstance(data, bool):
            self.fail("invalid", got=given_in_words(data))
        return data


class Moment(serializers.DateTimeField):
    """A date and time with its offset from UTC; a date alone is refused: whose midnight would it be?"""

    default_error_messages = SAID | {
        "invalid": "Expected a date and time with its offset from UTC, such as 2030-01-31T18:00:00Z, but got {got}."
    }

    def to_internal_value(self, value: Any) -> datetime:
        written = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}.{0,12}([Zz]|[+-][0-9]{2}:?[0-9]{2})"
        if not isinstance(value, str) or not re.fullmatch(written, value):
            self.fail("invalid", got=given_in_words(value))
        try:
            moment: datetime = super().to_internal_value(value.replace("t", "T").replace("z", "Z"))
        except KeyError:  # Its own words for `invalid` have other places to fill.
            self.fail("invalid", got=given_in_words(value))
        return moment


class Choice(serializers.ChoiceField):
    """One of some words."""

    default_error_messages = SAID | {"invalid_choice": "{got} is not allowed; choose one of {choices}.{hint}"}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            got = f'"{data[:LONGEST_SHOWN]}"' if isinstance(data, str) else given_in_words(data).capitalize()
            near = nearest_name(str(data)[:LONGEST_SHOWN], self.choices)
            hint = f' Did you mean "{near}"?' if near else ""
            self.fail("invalid_choice", got=got, hint=hint, choices=", ".join(self.choices))
        return data


class Several(serializers.ListField):
    """A list of one kind. `least`: how many the service wants, for the description; it says itself what they are."""

    default_error_messages = SAID | {
        "not_a_list": "Expected a list, but got {input_type}.",
        "max_length": "Give at most {max_length}.",
    }

    def __init__(self, *, least: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.least = least

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=given_in_words(data))
        values: list[Any] = super().to_internal_value(data)
        return values


class Mapped(serializers.DictField):
    """An object whose names somebody else knows: the parameters of a generator or a metric."""

    default_error_messages = SAID | {"not_a_dict": "Expected an object (a dictionary), but got {input_type}."}

    def get_value(self, dictionary: Any) -> Any:
        """In a form an object may also come as JSON, as OpenAPI has it."""
        if isinstance(dictionary, MultiValueDict) and self.field_name in dictionary:
            return _object_in(dictionary[self.field_name])
        return super().get_value(dictionary)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            self.fail("not_a_dict", input_type=given_in_words(data))
        values: dict[str, Any] = super().to_internal_value(cast("dict[Any, Any]", data))
        return values


class SentFile(serializers.FileField):
    """A file, as multipart/form-data carries it."""

    default_error_messages = SAID | {
        "invalid": "This is not a file. Send it as multipart/form-data.",
        "empty": "The file is empty. Send another one.",
    }


class FileKey(Words):
    """The key of a file that was sent in parts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            pattern=r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            pattern_words="Give the `key` of a file that was sent in parts (`files/`).",
            max_length=36,
            **options,
        )


class Named(Words):
    """The name of one of what is installed here: the description lists `names`, the service knows what is wrong."""

    def __init__(self, *, names: Callable[[], Sequence[str]], **options: Any) -> None:
        super().__init__(**options)
        self.names = names


def is_written(field: AnyField) -> bool:
    """Whether the field is of a form or an address, where everything is text."""
    return html.is_html_input(getattr(field.root, "initial_data", None))


def given_in_words(given: object) -> str:
    """What was given, in words: `the text "many"`, `a list`, `null`."""
    if given is None:
        return "null"
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, int | float):
        return str(given) if abs(given) < 1e100 else "a number of more than 100 digits"
    if isinstance(given, str):
        return f'the text "{given[:LONGEST_SHOWN]}"'
    return "a list" if isinstance(given, Sequence) else "an object"


def _is_part(name: str, known: Mapping[str, AnyField]) -> bool:
    """Whether a form's `parameters.guidance` or `runs[0]` belongs to a field of several values."""
    whole = re.split(r"[.\[]", name, maxsplit=1)[0]
    kinds = {".": (serializers.Serializer, serializers.DictField), "[": (serializers.ListField,)}
    return whole in known and isinstance(known[whole], kinds.get(name[len(whole) : len(whole) + 1], ()))


def _object_in(text: object) -> dict[str, Any] | None:
    """The object that a form gives as JSON; None where it is none."""
    try:
        value = read_json(text) if isinstance(text, str) else None
    except JsonError:
        return None
    return value if isinstance(value, dict) else None


def _wrongly_written(name: str, field: AnyField, values: Sequence[object]) -> str:
    """What is wrong with how a form or an address gives a field, or an empty text."""
    if isinstance(field, Mapped) and len(values) == 1 and _object_in(values[0]) is not None:
        return ""
    if isinstance(field, serializers.Serializer | serializers.DictField):
        return f"In a form this is written {name}.NAME=VALUE, once for each value. Or send JSON."
    if len(values) > 1 and not isinstance(field, serializers.ListField):
        return "This is given more than once. Give it once."
    return ""
