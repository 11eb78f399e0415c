"""The part of a study's form on whom it takes, and on whether the team sees rates before it closes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from common import limits
from evaluation.errors import InputError
from evaluation.protocols import MOST_RATERS
from evaluation.services.studies.admission import MOST_ANSWERS, MOST_STUDIES
from evaluation.services.studies.create import StudyDraft
from evaluation.services.studies.known import MOST_BYTES, read_known
from evaluation.views.researcher.controls_form import ControlsForm

ADMISSION = (
    "qualification_file",
    "qualification_least",
    "quota_question",
    "quota_answers",
    "most_per_panel",
    "exclude_studies",
)


class AdmissionForm(ControlsForm):
    """Qualification, quotas, studies whose raters are left out; hidden rates."""

    qualification_file = forms.FileField(
        label="File of the qualification",
        required=False,
        help_text="A few trials with known answers, which raters answer first and with feedback: a table of prompt, "
        "generators, question, expected. Who fails is screened out.",
    )
    qualification_least = forms.IntegerField(
        label="Pass mark", required=False, min_value=1, help_text="Trials that must be right. If empty: all."
    )
    quota_question = forms.CharField(
        label="Question for quotas",
        required=False,
        max_length=limits.TITLE,
        help_text="Raters answer it when they agree to take part.",
    )
    quota_answers = forms.CharField(
        label="Its answers",
        required=False,
        max_length=MOST_ANSWERS * (limits.LABEL + 10),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="An answer in a line with the most raters who give it, such as English: 20.",
    )
    most_per_panel = forms.IntegerField(
        label="Most raters of a panel",
        required=False,
        min_value=1,
        max_value=MOST_RATERS,
        help_text="If empty: as many as it has places.",
    )
    exclude_studies = forms.CharField(
        label="Leave out who took part in",
        required=False,
        max_length=MOST_STUDIES * (limits.STUDY_NAME + 1),
        help_text="Names of studies, separated by spaces. Recruitment sites' participants are known again by a keyed "
        "hash of their id; who came by a plain link is not.",
    )
    hide_rates = forms.BooleanField(
        label="Keep rates hidden from the team until the study closes",
        required=False,
        help_text="Every look at results before that is logged, and the report counts them.",
    )

    @property
    def admission_fields(self) -> list[forms.BoundField]:
        """The fields of this part, in their order."""
        return [self[name] for name in ADMISSION]

    @property
    def admission_shown(self) -> bool:
        """Whether this part is unfolded: something was filled in."""
        return any(each.errors or each.value() not in (None, "", False) for each in self.admission_fields)

    @property
    def kept_items(self) -> int:
        """How many items of a qualification stay unless another file is given."""
        base: StudyDraft | None = getattr(self, "base", None)
        return len({(row["prompt_id"], row["shown"]) for row in base.qualification}) if base is not None else 0

    def admission(self, base: StudyDraft | None) -> dict[str, Any]:
        """The fields of a draft that were filled in."""
        values = self.cleaned_data
        return {
            "quota_question": values["quota_question"],
            "quota_answers": [line.strip() for line in values["quota_answers"].splitlines() if line.strip()],
            "most_per_panel": values["most_per_panel"],
            "exclude_studies": values["exclude_studies"].replace(",", " ").split(),
            "qualification": values["qualification_rows"] or (base.qualification if base is not None else ()),
            "qualification_least": values["qualification_least"],
            "hide_rates": values["hide_rates"],
        }

    def qualification_rows(self, values: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
        """The rows of the file; an error stands beside its field."""
        file = values.get("qualification_file")
        if file is None:
            return ()
        try:
            return read_known(file.read(MOST_BYTES + 1), file.name)
        except InputError as error:
            self.add_error("qualification_file", error.message)
            return ()


def admission_initial(draft: StudyDraft) -> dict[str, object]:
    """What this part holds for a draft that is there."""
    return {
        "quota_question": draft.quota_question,
        "quota_answers": "\n".join(draft.quota_answers),
        "most_per_panel": draft.most_per_panel,
        "exclude_studies": " ".join(draft.exclude_studies),
        "qualification_least": draft.qualification_least,
        "hide_rates": draft.hide_rates,
    }
