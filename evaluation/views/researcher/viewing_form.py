"""The part of a study's form that says how raters see the images."""

from __future__ import annotations

from typing import Any

from django import forms

from common import limits
from evaluation.services.studies.create import StudyDraft
from evaluation.services.studies.viewing import DEFAULT_SURROUND, SMALLEST_WIDTHS, SURROUNDS
from evaluation.views.researcher.plain_form import PlainForm

FIELDS = ("surround", "smallest_width", "prompts_language")


class ViewingForm(PlainForm):
    """The surround, the smallest width and the prompts' language, as `StudyDraft` calls them."""

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

    def viewing(self) -> dict[str, Any]:
        """What a valid form says of them."""
        return {name: self.cleaned_data[name] for name in FIELDS}


def viewing_initial(draft: StudyDraft) -> dict[str, object]:
    """What the form holds for a draft that is there."""
    return {name: getattr(draft, name) for name in FIELDS}
