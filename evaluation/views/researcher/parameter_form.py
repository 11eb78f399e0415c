"""Forms whose fields are the parameters that a generator or a metric declares."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms

from common import limits
from common.parameters import Parameter, ParameterError, ParameterValue
from evaluation.views.researcher.plain_form import PlainForm, say_plainly

PREFIX = "parameter-"


class ParametersForm(PlainForm):
    """A form with a field for each declared parameter that pages may give."""

    declared: Sequence[Parameter] = ()

    def add_parameters(self, declared: Sequence[Parameter]) -> None:
        """Add their fields."""
        self.declared = declared
        for parameter in declared:
            if not parameter.operator_only:
                self.fields[PREFIX + parameter.name] = parameter_field(parameter)
                say_plainly(self.fields[PREFIX + parameter.name])

    @property
    def parameter_fields(self) -> list[forms.BoundField]:
        """The fields of the parameters."""
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    @property
    def parameters(self) -> dict[str, ParameterValue]:
        """What was given for the parameters; those left empty have their defaults."""
        given = {
            name.removeprefix(PREFIX): value for name, value in self.cleaned_data.items() if name.startswith(PREFIX)
        }
        return {name: value for name, value in given.items() if value not in (None, "")}

    def clean(self) -> dict[str, object]:
        """Each parameter as its declaration checks it, its error beside its field."""
        given = super().clean() or {}
        for parameter in self.declared:
            name = PREFIX + parameter.name
            if given.get(name) in (None, ""):
                continue
            try:
                parameter.parse(given[name])
            except ParameterError as error:
                self.add_error(name, str(error))
        return given


def parameter_field(parameter: Parameter) -> forms.Field:
    """The field of one parameter, with its limits, its choices and its help."""
    label = parameter.name.replace("_", " ")
    label = label[0].upper() + label[1:]
    needed = parameter.default is None
    help_text, initial = f"{parameter.help[:1].upper()}{parameter.help[1:].rstrip('.')}.", parameter.default
    if parameter.choices:
        # of several, none is chosen because it stands first
        first = [("", "Choose")] if needed and len(parameter.choices) > 1 else []
        return forms.ChoiceField(
            label=label,
            required=needed,
            choices=[*first, *((each, each) for each in parameter.choices)],
            initial=initial,
            help_text=help_text,
        )
    kind = parameter.value_type
    if kind is bool:
        return forms.BooleanField(label=label, required=False, initial=initial, help_text=help_text)
    low, high = parameter.low, parameter.high
    if kind is int:
        return forms.IntegerField(
            label=label,
            required=needed,
            initial=initial,
            help_text=help_text,
            min_value=None if low is None else int(low),
            max_value=None if high is None else int(high),
        )
    if kind is float:
        return forms.FloatField(
            label=label,
            required=needed,
            initial=initial,
            help_text=help_text,
            min_value=low,
            max_value=high,
            widget=forms.NumberInput(attrs={"step": "any"}),
        )
    return forms.CharField(
        label=label, required=needed, initial=initial, help_text=help_text, max_length=limits.PARAMETER
    )
