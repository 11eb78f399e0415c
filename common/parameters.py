"""Parameters of generators and metrics: declared, so that commands, forms and the API can check them unloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common import limits
from common.errors import UserError
from common.numbers import number_or_none, shown, whole_or_none
from common.text import TextError, checked
from common.words import nearest

ParameterValue = bool | int | float | str
"""A parameter's value as it stands in a manifest: JSON's own scalars."""


class ParameterError(UserError):
    """A parameter that is unknown, missing or not allowed."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of a generator or metric, declared so that commands, forms and the API can check it unloaded.

    The kind is the default's type, or `kind` where there is no default (`default=None` means it must be given).
    `low`, `high`: inclusive limits of a number. `choices`: the values allowed. `help`: one line for people.
    `operator_only`: it names files or addresses that this machine will open, so commands take it, and web pages and
    the API do not.
    """

    name: str
    help: str
    default: ParameterValue | None = None
    kind: type[bool | int | float | str] | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    operator_only: bool = False

    @property
    def value_type(self) -> type[bool | int | float | str]:
        """The Python type of its values."""
        if self.kind is not None:
            return self.kind
        return str if self.default is None else type(self.default)

    def parse(self, value: object) -> ParameterValue:
        """`value` (a scalar, or its text from a command line or form) as this parameter's type, within its limits.

        Raises:
            ParameterError: another type, out of its limits, or not one of its choices.
        """
        wanted = self.value_type
        parsed: ParameterValue
        try:
            if wanted is bool:
                parsed = _parse_bool(value)
            elif wanted is str:
                if not isinstance(value, str | int | float):
                    raise ValueError
                parsed = checked(str(value), f"parameter {self.name}", most=limits.PARAMETER, lines=True)
            else:
                found = whole_or_none(value) if wanted is int else number_or_none(value)
                if found is None:
                    raise ValueError
                parsed = found
        except TextError as error:
            raise ParameterError(str(error)) from None
        except ValueError:
            raise ParameterError(f"parameter {self.name}: {shown(value)} is not {self.allowed}") from None
        if self.choices and parsed not in self.choices:
            hint = nearest(str(value), self.choices)
            raise ParameterError(f"parameter {self.name}: {shown(value)} is not {self.allowed}{hint}")
        if isinstance(parsed, (int, float)) and not isinstance(parsed, bool):
            above = self.low is None or parsed >= self.low
            below = self.high is None or parsed <= self.high
            if not (above and below):
                raise ParameterError(f"parameter {self.name}: {shown(value)} is not {self.allowed}")
        return parsed

    @property
    def allowed(self) -> str:
        """Its values in words: "a number from 1 to 30"."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        word = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[self.value_type]
        if self.low is not None and self.high is not None:
            return f"{word} from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{word}, {self.low:g} or more"
        if self.high is not None:
            return f"{word}, {self.high:g} or less"
        return word


def resolve_parameters(
    owner: str, parameters: Sequence[Parameter], given: Mapping[str, object], *, operator: bool = True
) -> dict[str, ParameterValue]:
    """All `parameters` of `owner` ("generator cascade"), checked and completed.

    Those given are checked, the rest have their defaults, in declared order. `operator`: whether they come from who
    runs the machine (a command); False for web pages and the API.

    Raises:
        ParameterError: an unknown name (with the nearest), a missing one, a value that is not allowed, or another
            value than the default where only the operator may give one.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            listing = ", ".join(known) or "none"
            raise ParameterError(
                f"{owner} has no parameter {name!r}{nearest(name, known) or '.'} Its parameters: {listing}."
            )
    values: dict[str, ParameterValue] = {}
    for name, parameter in known.items():
        if name in given:
            values[name] = parameter.parse(given[name])
            if parameter.operator_only and not operator and values[name] != parameter.default:
                raise ParameterError(
                    f"parameter {name} of {owner} names files or addresses of the server: "
                    "only a command on the server may give it"
                )
        elif parameter.default is None:
            raise ParameterError(f"{owner} needs the parameter {name}: {parameter.help}")
        else:
            values[name] = parameter.default
    return values


def _parse_bool(value: object) -> bool:
    text = str(value).strip().lower()
    if text in ("true", "yes", "on", "1"):
        return True
    if text in ("false", "no", "off", "0"):
        return False
    raise ValueError(text)
