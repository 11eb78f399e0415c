"""The part of a study's form that is kind to raters: breaks, a content warning, images to blur."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from common import limits
from evaluation.errors import InputError
from evaluation.services.studies.care import BREAK_MINUTES, BREAK_TRIALS, flags_written, read_flags
from evaluation.services.studies.care import MOST_BYTES as MOST_FLAG_BYTES
from evaluation.services.studies.create import StudyDraft
from evaluation.views.researcher.plain_form import PlainForm

FIELDS = ("flagged", "flag_above", "content_warning", "break_minutes", "break_trials")


class CareForm(PlainForm):
    """Its fields; all of them may stay empty."""

    flagged = forms.CharField(
        label="Images to blur",
        required=False,
        max_length=MOST_FLAG_BYTES,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="A line for each: the prompt's number, then if need be the run's label and the sample, with commas "
        "between (12, weak, 0). They stay blurred until a rater uncovers them.",
    )
    flag_above = forms.FloatField(
        label="Blur above a score of",
        required=False,
        min_value=0,
        max_value=1,
        help_text="Also blur images that the metric open-nsfw scores above this, such as 0.2. Score the runs first.",
    )
    content_warning = forms.CharField(
        label="Content warning",
        required=False,
        max_length=limits.CONTENT_WARNING,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Raters see it with the consent text. If empty: a general one, where images may be blurred.",
    )
    break_minutes = forms.IntegerField(
        label="Break after (minutes)",
        required=False,
        min_value=BREAK_MINUTES[0],
        max_value=BREAK_MINUTES[1],
        help_text="Raters are offered a pause; it counts in no response time. If empty: never.",
    )
    break_trials = forms.IntegerField(
        label="Break after (trials)",
        required=False,
        min_value=BREAK_TRIALS[0],
        max_value=BREAK_TRIALS[1],
        help_text="The same, after so many trials. If empty: never.",
    )

    def clean_flagged(self) -> tuple[Mapping[str, str], ...]:
        """The rows of the table."""
        try:
            return read_flags(self.cleaned_data["flagged"].encode(), "The list")
        except InputError as error:
            raise forms.ValidationError(error.message) from None

    def care(self) -> dict[str, Any]:
        """What a valid form asks for, by the names of `StudyDraft`."""
        return {name: self.cleaned_data[name] for name in FIELDS}


def care_initial(draft: StudyDraft) -> dict[str, object]:
    """What the form holds for a draft that is there."""
    return {name: getattr(draft, name) for name in FIELDS} | {"flagged": flags_written(draft.flagged)}
