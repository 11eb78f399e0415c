"""What a study's form asks about raters: how they see the images, breaks, a content warning, images to blur."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from common import limits
from evaluation.errors import InputError
from evaluation.services.studies.care import BREAK_MINUTES, BREAK_TRIALS, flags_written, read_flags
from evaluation.services.studies.care import MOST_BYTES as MOST_FLAG_BYTES
from evaluation.services.studies.create import StudyDraft
from evaluation.services.studies.viewing import DEFAULT_SURROUND, SMALLEST_WIDTHS, SURROUNDS
from evaluation.views.researcher.own_questions import OwnQuestionsForm


class RatersForm(OwnQuestionsForm):
    """Its fields; all of them may stay empty."""

    surround = forms.ChoiceField(
        label="Surround",
        required=False,
        choices=[(name, words.capitalize()) for name, words in SURROUNDS.items()],
        initial=DEFAULT_SURROUND,
        help_text="The colour around the images.",
    )
    smallest_width = forms.IntegerField(
        label="Smallest image",
        required=False,
        min_value=SMALLEST_WIDTHS[0],
        max_value=SMALLEST_WIDTHS[1],
        help_text="In CSS pixels: how wide each image must stand on a rater's screen. On a smaller one the rater is "
        "asked to enlarge the window or to change to another device. If empty: any width.",
    )
    prompts_language = forms.CharField(
        label="Language of the prompts",
        required=False,
        max_length=limits.LANGUAGE,
        help_text="A tag such as en, de or pt-BR. Raters with another language confirm that they read it. If empty: "
        "nothing is asked.",
    )
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

    def of_raters(self) -> dict[str, Any]:
        """What a valid form asks for, by the names of `StudyDraft`."""
        names = ("surround", "smallest_width", "prompts_language")
        names += ("flagged", "flag_above", "content_warning", "break_minutes", "break_trials")
        return {name: self.cleaned_data[name] for name in names}


def raters_initial(draft: StudyDraft) -> dict[str, object]:
    """What the form holds for a draft that is there."""
    return {
        "surround": draft.surround,
        "smallest_width": draft.smallest_width,
        "prompts_language": draft.prompts_language,
        "flagged": flags_written(draft.flagged),
        "flag_above": draft.flag_above,
        "content_warning": draft.content_warning,
        "break_minutes": draft.break_minutes,
        "break_trials": draft.break_trials,
    }
