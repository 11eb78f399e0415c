"""What people declare of images that were made elsewhere, as a form: with the upload, and of its run afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from common import limits
from evaluation.declared import TEXTS, checked_declaration, parameters_of
from evaluation.errors import InputError
from evaluation.views.researcher.plain_form import PlainForm

SELECTION_CHOICES = {
    "not_hand_picked": "Not chosen: the first images of each prompt",
    "chosen_by_score": "Chosen by a program among more",
    "hand_picked": "Chosen by people among more",
}


class DeclarationForm(PlainForm):
    """Version, licence, seeds, how samples were chosen, parameters. `cleaned_data["declared"]`: all of it, checked."""

    version = forms.CharField(label="Version", required=False, max_length=limits.GENERATOR)
    licence = forms.CharField(label="Licence of the images", required=False, max_length=limits.LICENCE)
    seeds = forms.CharField(label="Seeds", required=False, max_length=limits.REFERENCE)
    selection = forms.ChoiceField(
        label="How samples were chosen",
        required=False,
        choices=[("", "Unknown"), *SELECTION_CHOICES.items()],
        help_text="A declaration: reports print it as yours.",
    )
    parameters = forms.CharField(
        label="Parameters",
        required=False,
        max_length=limits.CONSENT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One per line, such as guidance=7.5.",
    )

    def clean(self) -> dict[str, Any]:
        """The declaration as a whole."""
        given = super().clean() or {}
        try:
            given["declared"] = checked_declaration(
                {name: given.get(name) for name in (*TEXTS, "selection")}
                | {"parameters": parameters_of(given.get("parameters") or "")}
            )
        except InputError as error:
            self.add_error(error.field or None, error.message)
        return given


def declared_initially(declared: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a run's declaration."""
    return {**declared, "parameters": "\n".join(f"{name}={value}" for name, value in parameters.items())}
