"""The part of a study's form that declares its crowd: terms, questions about the rater, refused images."""

from __future__ import annotations

from typing import Any

from django import forms

from common import limits
from evaluation.analysis.refusals import POLICIES
from evaluation.recruiting import PLATFORMS
from evaluation.selectors.crowd import STANDARD
from evaluation.services.studies.create import StudyDraft
from evaluation.services.studies.crowd import CROWD_KEYS, MOST_ABOUT, TERMS
from evaluation.views.researcher.plain_form import PlainForm

MOST_OWN = MOST_ABOUT * 12 * limits.ABOUT
"""Characters of all questions of one's own together."""


def _terms(label: str, help_text: str, *, rows: int = 2) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows}) if rows > 1 else forms.TextInput()
    return forms.CharField(
        label=label, required=False, max_length=limits.TERMS, widget=widget, help_text=f"{help_text}, or none."
    )


class CrowdForm(PlainForm):
    """Fields named `crowd_...` are the parts of a draft's `crowd`."""

    crowd_platform = forms.ChoiceField(
        label="Recruitment site",
        required=False,
        choices=[
            ("", "None: plain links"),
            *((each.name, each.title[:1].upper() + each.title[1:]) for each in PLATFORMS.values()),
        ],
        help_text="A study for a site declares the fields below, which raters are told, and a contact. Opening it "
        "makes the site's address and codes.",
    )
    crowd_approval = _terms("Approval", "Which board has approved the study, and under which number")
    crowd_pay = _terms("Pay", "What each rater who finishes gets, such as 2.50 GBP", rows=1)
    crowd_retention = _terms("Retention", "How long participants' ids are kept")
    crowd_withdrawal = _terms("Withdrawal", "How raters withdraw, and until when")
    about = forms.MultipleChoiceField(
        label="Ask raters about",
        required=False,
        choices=[(each.id, each.id.replace("_", " ").capitalize()) for each in STANDARD.values()],
        widget=forms.CheckboxSelectMultiple,
        help_text="Answering is always optional. Results can be split by these groups; none under five is shown.",
    )
    about_own = forms.CharField(
        label="Questions of your own about the rater",
        required=False,
        max_length=MOST_OWN,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One in a line, as: id: question | answer | answer.",
    )
    refusals = forms.ChoiceField(
        label="Refused images",
        required=False,
        choices=[("", "Not declared"), *((name, f"{name.capitalize()}: {words}") for name, words in POLICIES.items())],
        help_text="How the report counts prompts for which a generator gave no image.",
    )

    def crowd_fields(self) -> dict[str, Any]:
        """What a valid form asks for, as fields of a draft."""
        values = self.cleaned_data
        own = [line.strip() for line in values["about_own"].splitlines() if line.strip()]
        return {
            "crowd": {name: values[f"crowd_{name}"] for name in CROWD_KEYS if values[f"crowd_{name}"]} or None,
            "about": [*values["about"], *own],
            "refusals": values["refusals"],
        }

    @property
    def crowd_terms(self) -> list[forms.BoundField]:
        """The fields of the terms, after the recruitment site."""
        return [self[f"crowd_{name}"] for name in TERMS]

    @property
    def crowd_shown(self) -> bool:
        """Whether that part of the page is unfolded: something was filled in."""
        names = (*(f"crowd_{name}" for name in CROWD_KEYS), "about", "about_own", "refusals")
        return any(self[name].errors or self[name].value() for name in names)


def crowd_initial(draft: StudyDraft) -> dict[str, object]:
    """What those fields hold for a draft that is there."""
    return {
        **{f"crowd_{name}": (draft.crowd or {}).get(name, "") for name in CROWD_KEYS},
        "about": [line for line in draft.about if line in STANDARD],
        "about_own": "\n".join(line for line in draft.about if line not in STANDARD),
        "refusals": draft.refusals,
    }
