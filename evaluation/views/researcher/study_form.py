"""The form of a new study; its stopping rule is a part of it that is folded away."""

from __future__ import annotations

from typing import Any

from django import forms

from evaluation import protocols
from evaluation.models import GenerationRun
from evaluation.selectors.overview import comparable_runs

MISSING_CHOICES = [
    ("refuse", "refuse: do not make the study"),
    ("drop-prompts", "leave these prompts out"),
    ("smaller-sets", "show smaller sets for these prompts"),
]


class StudyForm(forms.Form):
    """A new study. The runs are picked in a table beside it, each with a label of its own."""

    name = forms.SlugField(
        label="Name", max_length=100, help_text="Letters, digits, - and _: it stands in addresses and commands."
    )
    title = forms.CharField(
        label="Title", required=False, max_length=200, help_text="For researchers; raters never see it."
    )
    protocol = forms.ChoiceField(label="Protocol")
    runs = forms.ModelMultipleChoiceField(GenerationRun.objects.none(), label="Runs to compare")
    raters_per_panel = forms.IntegerField(
        label="Raters a panel", required=False, min_value=1, help_text="Empty: the protocol's number."
    )
    samples_per_set = forms.IntegerField(
        label="Images a set", required=False, min_value=1, help_text="Empty: the protocol's, or what the runs have."
    )
    missing = forms.ChoiceField(label="Where a run lacks samples", choices=MISSING_CHOICES)
    design_seed = forms.IntegerField(
        label="Design seed", initial=0, min_value=0, help_text="Of sides, orders and the choice of samples."
    )
    stop_when_decided = forms.BooleanField(
        label="Declare a stopping rule",
        required=False,
        help_text="A pair and question is decided when its interval excludes zero. Filling in any field below declares "
        "a rule too.",
    )
    stop_margin = forms.FloatField(
        label="Margin",
        required=False,
        help_text="Decided too within ± this (equivalent). 0.1 is ten points of the net share.",
    )
    stop_half_width = forms.FloatField(
        label="Half-width", required=False, help_text="Decided too when no wider than ± this (precise)."
    )
    stop_min_raters = forms.IntegerField(
        label="Fewest raters", required=False, help_text="Never before so many have finished. Empty: 5."
    )
    stop_max_raters = forms.IntegerField(
        label="Most raters", required=False, help_text="Over all panels. Empty: all places of the study."
    )
    stop_alpha = forms.FloatField(label="Alpha", required=False, help_text="Empty: 0.05, for 95 % intervals.")
    masks = forms.CharField(
        label="Covered corners",
        required=False,
        help_text="Of every shown image, where images carry their maker's mark: bottom-right:0.3x0.1 is 0.3 of the "
        "width and 0.1 of the height. Several with spaces between. Empty: none.",
    )
    contact = forms.CharField(
        label="Contact", required=False, max_length=200, help_text="Whom raters can ask; they see it with the consent."
    )
    consent = forms.CharField(
        label="Consent text",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What raters agree to. Empty: a plain text that says what is asked and what is kept.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        protocol, runs = self.fields["protocol"], self.fields["runs"]
        assert isinstance(protocol, forms.ChoiceField)
        assert isinstance(runs, forms.ModelMultipleChoiceField)
        protocol.choices = [(name, protocols.get(name).title) for name in protocols.names()]
        runs.queryset = comparable_runs()
        runs.error_messages["required"] = "Choose the runs to compare: two or more of one suite."

    @property
    def rule_fields(self) -> list[forms.BoundField]:
        """The fields of the stopping rule, for a part of the page that is folded away."""
        return [self[name] for name in self.fields if name.startswith("stop_")]

    @property
    def rule_shown(self) -> bool:
        """Whether that part is unfolded: something was filled in."""
        return any(each.errors or each.value() not in (None, "", False) for each in self.rule_fields)

    def stopping_rule(self) -> dict[str, object] | None:
        """The rule that was filled in, None for none."""
        given = {
            name.removeprefix("stop_"): value
            for name, value in self.cleaned_data.items()
            if name.startswith("stop_") and name != "stop_when_decided" and value is not None
        }
        return given if given or self.cleaned_data["stop_when_decided"] else None


def form_field(field: str) -> str:
    """Where the form has what `study_create` calls `field`."""
    return "runs" if field == "labels" else field.replace("stopping_rule.", "stop_")
