"""The form that asks for an automatic score: the chosen metric's parameters are fields of it."""

from __future__ import annotations

from django import forms

from evaluation.metrics import registry
from evaluation.metrics.spec import MetricSpec
from evaluation.models import GenerationRun
from evaluation.selectors.overview import comparable_runs
from evaluation.services.scoring.reference import references_listed
from evaluation.services.scoring.request import RUN_PREFIX
from evaluation.views.researcher.parameter_form import ParametersForm

RUNS_OFFERED = 200


class MetricForm(ParametersForm):
    """An automatic score of `run` by `spec`: a reference where it needs one, and a field for each parameter."""

    metric = forms.ChoiceField(label="Metric")
    reference = forms.ChoiceField(
        label="Reference", help_text="What to compare the images with: a stored reference or another run."
    )

    def __init__(
        self, spec: MetricSpec, names: list[str], run: GenerationRun, data: object = None, **kwargs: object
    ) -> None:
        super().__init__(data, **kwargs)
        self.spec = spec
        metric, reference = self.fields["metric"], self.fields["reference"]
        assert isinstance(metric, forms.ChoiceField)
        assert isinstance(reference, forms.ChoiceField)
        metric.choices = [(name, name) for name in names]
        metric.initial = spec.name
        if spec.needs_reference:
            reference.choices = _references(run)
        else:
            del self.fields["reference"]
        self.add_parameters(spec.parameters)

    @property
    def has_references(self) -> bool:
        """Whether there is something to compare with; True where nothing is needed."""
        reference = self.fields.get("reference")
        return not isinstance(reference, forms.ChoiceField) or bool(reference.choices)


def usable_metrics() -> dict[str, MetricSpec]:
    """The metrics that pages may ask for, by name."""
    return {
        entry.name: entry.spec
        for entry in registry.entries()
        if entry.spec is not None and not entry.spec.needs_operator
    }


def unusable_metrics() -> list[tuple[str, str]]:
    """(name, why) of those that pages can't request."""
    found = []
    for entry in registry.entries():
        if entry.spec is None:
            found.append((entry.name, entry.error))
        elif entry.spec.needs_operator:
            found.append((entry.name, "reads files of the server; use manage.py score there"))
    return found


def _references(run: GenerationRun) -> list[tuple[str, str]]:
    """Stored ones first, then runs of the same suite, then the others."""
    runs = [each for each in comparable_runs()[:RUNS_OFFERED] if each.pk != run.pk]
    runs.sort(key=lambda each: each.suite_id != run.suite_id)
    stored = [(name, f"{name} (stored here)") for name in references_listed()]
    return [*stored, *((f"{RUN_PREFIX}{each.name}", f"{each.name} (run on {each.suite})") for each in runs)]
