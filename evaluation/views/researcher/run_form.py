"""The form of a new run: the chosen generator's parameters are fields of it."""

from __future__ import annotations

from django import forms

from evaluation.models import Suite
from evaluation.selectors.overview import suites_listed
from evaluation.services.run_render import MAX_SAMPLES_PER_PROMPT
from generators import registry
from generators.contract import GeneratorError, GeneratorSpec, Parameter, ParameterValue
from generators.seeding import MAX_RUN_SEED

PREFIX = "parameter-"


class SuiteChoice(forms.ModelChoiceField):
    """Suites by name, version and size."""

    def label_from_instance(self, obj: Suite) -> str:
        """As the list shows it."""
        return f"{obj} ({obj.n_prompts} prompts)"  # type: ignore[attr-defined]


class RunForm(forms.Form):
    """A new run of `spec`. The suite and the numbers; then a field for each parameter that pages may give."""

    suite = SuiteChoice(Suite.objects.none(), label="Suite", empty_label=None)
    generator = forms.ChoiceField(label="Generator")
    size = forms.TypedChoiceField(label="Size", coerce=int, required=False, empty_value=None)
    samples_per_prompt = forms.IntegerField(
        label="Samples a prompt",
        initial=8,
        min_value=1,
        max_value=MAX_SAMPLES_PER_PROMPT,
        help_text="DrawBench shows sets of 8.",
    )
    run_seed = forms.IntegerField(
        label="Run seed",
        initial=0,
        min_value=0,
        max_value=MAX_RUN_SEED,
        help_text="Give rivals the same one: their images then share seeds.",
    )
    name = forms.CharField(label="Name", required=False, max_length=120, help_text="Empty: generator and suite.")

    def __init__(self, spec: GeneratorSpec, names: list[str], data: object = None, **kwargs: object) -> None:
        super().__init__(data, **kwargs)  # type: ignore[arg-type]
        self.spec = spec
        suite = self.fields["suite"]
        assert isinstance(suite, forms.ModelChoiceField)
        suite.queryset = suites_listed()
        generator, size = self.fields["generator"], self.fields["size"]
        assert isinstance(generator, forms.ChoiceField)
        assert isinstance(size, forms.ChoiceField)
        generator.choices = [(name, name) for name in names]
        generator.initial = spec.name
        size.choices = [(pixels, f"{pixels} x {pixels}") for pixels in spec.sizes]
        size.initial = registry.default_size(spec)
        if not spec.sizes:
            del self.fields["size"]
        for parameter in spec.parameters:
            if not parameter.operator_only:
                self.fields[PREFIX + parameter.name] = _field(parameter)

    @property
    def parameter_fields(self) -> list[forms.BoundField]:
        """The generator's own fields."""
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    @property
    def parameters(self) -> dict[str, ParameterValue]:
        """What was given for the generator's parameters; those left empty have their defaults."""
        given = {
            name.removeprefix(PREFIX): value for name, value in self.cleaned_data.items() if name.startswith(PREFIX)
        }
        return {name: value for name, value in given.items() if value not in (None, "")}

    def clean(self) -> dict[str, object]:
        """Each parameter as the generator's spec checks it, its error beside its field."""
        given = super().clean() or {}
        for parameter in self.spec.parameters:
            name = PREFIX + parameter.name
            if given.get(name) in (None, ""):
                continue
            try:
                parameter.parse(given[name])
            except GeneratorError as error:
                self.add_error(name, str(error))
        return given


def usable_specs() -> dict[str, GeneratorSpec]:
    """The generators that pages may use, by name."""
    return {
        entry.name: entry.spec
        for entry in registry.entries()
        if entry.spec is not None and not entry.spec.needs_operator
    }


def _field(parameter: Parameter) -> forms.Field:
    label = parameter.name.replace("_", " ")
    label = label[0].upper() + label[1:]
    needed = parameter.default is None
    help_text, initial = parameter.help, parameter.default
    if parameter.choices:
        return forms.ChoiceField(
            label=label, choices=[(each, each) for each in parameter.choices], initial=initial, help_text=help_text
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
    return forms.CharField(label=label, required=needed, initial=initial, help_text=help_text, max_length=1000)
