"""The form of a new study; its stopping rule is a part of it that is folded away."""

from __future__ import annotations

from typing import Any

from django import forms

from common import limits
from evaluation import protocols
from evaluation.analysis.estimands import ESTIMAND_WORDS
from evaluation.models import GenerationRun
from evaluation.selectors.overview import comparable_runs
from evaluation.services.studies.create import MOST_RUNS
from evaluation.views.researcher.plain_form import PlainForm

MISSING_CHOICES = [
    ("refuse", "Don't create the study"),
    ("drop-prompts", "Leave these prompts out"),
    ("smaller-sets", "Show smaller sets for these prompts"),
]


class StudyForm(PlainForm):
    """A new study. The runs are picked in a table beside it, each with a label of its own."""

    name = forms.SlugField(
        label="Name",
        max_length=limits.STUDY_NAME,
        help_text="Letters, digits, - and _. Used in addresses and commands.",
    )
    title = forms.CharField(
        label="Title", required=False, max_length=limits.TITLE, help_text="For researchers; raters never see it."
    )
    protocol = forms.ChoiceField(label="Protocol")
    runs = forms.ModelMultipleChoiceField(GenerationRun.objects.none(), label="Runs to compare")
    raters_per_panel = forms.IntegerField(
        label="Raters per category", required=False, min_value=1, help_text="If empty: the protocol's number."
    )
    samples_per_set = forms.IntegerField(
        label="Images per set",
        required=False,
        min_value=1,
        help_text="If empty: the protocol's number, or what the runs have.",
    )
    missing = forms.ChoiceField(label="If images are missing", choices=MISSING_CHOICES)
    design_seed = forms.IntegerField(
        label="Design seed", initial=0, min_value=0, help_text="Decides sides, orders and the choice of images."
    )
    stop_when_decided = forms.BooleanField(
        label="Declare a stopping rule",
        required=False,
        help_text="A comparison is decided once its interval excludes zero. Filling in any field below declares a rule "
        "too.",
    )
    stop_margin = forms.FloatField(
        label="Margin",
        required=False,
        help_text="Also stop once the whole interval is within ± this margin (equivalent). 0.1 is ten points.",
    )
    stop_half_width = forms.FloatField(
        label="Half-width", required=False, help_text="Also stop once the interval is no wider than ± this (precise)."
    )
    stop_min_raters = forms.IntegerField(
        label="Minimum raters", required=False, help_text="Don't stop before this many have finished. If empty: 5."
    )
    stop_max_raters = forms.IntegerField(
        label="Maximum raters",
        required=False,
        help_text="Stop at this many, over all categories. If empty: all places of the study.",
    )
    stop_alpha = forms.FloatField(label="Alpha", required=False, help_text="If empty: 0.05, for 95 % intervals.")
    masks = forms.CharField(
        label="Covered corners",
        required=False,
        max_length=limits.TITLE,
        help_text="Cover watermarks in a corner, e.g. bottom-right:0.3x0.1 covers 0.3 of the width and 0.1 of the "
        "height of every image. Separate several with spaces. If empty: none.",
    )
    primary_pairs = forms.CharField(
        label="Primary pairs",
        required=False,
        max_length=MOST_RUNS**2 * (limits.LABEL + 1),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Pairs of labels that the study sets out to compare, one pair in a line with a comma between. If "
        "empty: all pairs. Other pairs are exploratory: reported, and never highlighted.",
    )
    primary_questions = forms.CharField(
        label="Primary questions",
        required=False,
        max_length=limits.CONTACT,
        help_text="Questions that the study sets out to answer, such as alignment. Separate several with spaces. If "
        "empty: all.",
    )
    estimand = forms.ChoiceField(label="Results speak for", choices=list(ESTIMAND_WORDS.items()), required=False)
    contact = forms.CharField(
        label="Contact",
        required=False,
        max_length=limits.CONTACT,
        help_text="Whom raters can ask. They see it with the consent text.",
    )
    consent = forms.CharField(
        label="Consent text",
        required=False,
        max_length=limits.CONSENT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What raters agree to. If empty: a short text that says what raters do and what is stored.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        protocol, runs = self.fields["protocol"], self.fields["runs"]
        assert isinstance(protocol, forms.ChoiceField)
        assert isinstance(runs, forms.ModelMultipleChoiceField)
        protocol.choices = [(name, protocols.get(name).title) for name in protocols.names()]
        runs.queryset = comparable_runs()
        runs.error_messages["required"] = "Choose two or more runs of one suite."

    @property
    def rule_fields(self) -> list[forms.BoundField]:
        """The fields of the stopping rule, for a part of the page that is folded away."""
        return [self[name] for name in self.fields if name.startswith("stop_")]

    @property
    def rule_shown(self) -> bool:
        """Whether that part is unfolded: something was filled in."""
        return any(each.errors or each.value() not in (None, "", False) for each in self.rule_fields)

    def pairs(self) -> list[list[str]]:
        """The pairs of labels that were filled in, a line each."""
        lines = self.cleaned_data["primary_pairs"].splitlines()
        return [[label.strip() for label in line.split(",")] for line in lines if line.strip()]

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
