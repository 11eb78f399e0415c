"""The form of a new run: the chosen generator's parameters are fields of it."""

from __future__ import annotations

from django import forms

from common import limits
from common.words import counted
from evaluation.models import Suite
from evaluation.selectors.overview import suites_listed
from evaluation.services.runs.request import MAX_SAMPLES_PER_PROMPT
from evaluation.services.runs.spending import MAX_BUDGET_USD
from evaluation.views.researcher.parameter_form import ParametersForm
from generators import registry
from generators.contract import GeneratorSpec
from generators.seeding import MAX_RUN_SEED


class SuiteChoice(forms.ModelChoiceField):
    """Suites by name, version and size."""

    def label_from_instance(self, obj: Suite) -> str:
        """As the list shows it."""
        return f"{obj} ({counted(obj.n_prompts, 'prompt')})"  # type: ignore[attr-defined]


class RunForm(ParametersForm):
    """A new run of `spec`. The suite and the numbers; then a field for each parameter that pages may give."""

    suite = SuiteChoice(Suite.objects.none(), label="Suite", empty_label=None)
    generator = forms.ChoiceField(label="Generator")
    size = forms.TypedChoiceField(label="Size", coerce=int, required=False, empty_value=None)
    samples_per_prompt = forms.IntegerField(
        label="Samples per prompt",
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
        help_text="Use the same seed for runs that you will compare: their images then start from the same noise.",
    )
    name = forms.CharField(
        label="Name", required=False, max_length=limits.RUN_NAME, help_text="If empty: generator and suite."
    )

    budget_usd = forms.FloatField(
        label="Budget in US dollars",
        required=False,
        min_value=0.000001,
        max_value=MAX_BUDGET_USD,
        help_text="The run stops before it costs more. For services that ask for money; if empty: no limit.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )

    def __init__(self, spec: GeneratorSpec, names: list[str], data: object = None, **kwargs: object) -> None:
        super().__init__(data, **kwargs)
        suite = self.fields["suite"]
        assert isinstance(suite, forms.ModelChoiceField)
        suite.queryset = suites_listed().filter(archived_at__isnull=True)
        generator, size = self.fields["generator"], self.fields["size"]
        assert isinstance(generator, forms.ChoiceField)
        assert isinstance(size, forms.ChoiceField)
        generator.choices = [(name, name) for name in names]
        generator.initial = spec.name
        size.choices = [(pixels, f"{pixels} × {pixels}") for pixels in spec.sizes]
        size.initial = registry.default_size(spec)
        if not spec.sizes:
            del self.fields["size"]
        self.add_parameters(spec.parameters)


def usable_specs() -> dict[str, GeneratorSpec]:
    """The generators that pages may use, by name."""
    return {
        entry.name: entry.spec
        for entry in registry.entries()
        if entry.spec is not None and not entry.spec.needs_operator
    }
