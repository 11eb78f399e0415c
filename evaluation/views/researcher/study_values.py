"""What the form of a study holds for a draft that is there, and where it has what the service names."""

from __future__ import annotations

from evaluation import protocols
from evaluation.protocols.worded import worded_of
from evaluation.services.studies.create import StudyDraft
from evaluation.services.studies.own_controls import FIELD
from evaluation.views.researcher.admission_form import admission_initial
from evaluation.views.researcher.care_form import care_initial
from evaluation.views.researcher.controls_form import PREFIX, controls_initial
from evaluation.views.researcher.crowd_form import crowd_initial
from evaluation.views.researcher.own_questions import own_initial
from evaluation.views.researcher.study_form import FILE, OWN
from evaluation.views.researcher.viewing_form import viewing_initial


def study_initial(draft: StudyDraft) -> dict[str, object]:
    """What the form holds for a draft that is there."""
    rule = draft.stopping_rule
    found: dict[str, object] = {
        "name": draft.name,
        "title": draft.title,
        "reference": draft.reference.pk if draft.reference is not None else None,
        "without_controls": draft.without_controls,
        "runs": [run.pk for run in draft.runs],
        "raters_per_panel": draft.raters_per_panel,
        "samples_per_set": draft.samples_per_set,
        "missing": draft.missing,
        "display_side": draft.display_side,
        "design_seed": draft.design_seed,
        "masks": " ".join(draft.masks),
        **viewing_initial(draft),
        **care_initial(draft),
        "primary_pairs": "\n".join(", ".join(pair) for pair in draft.primary_pairs),
        "primary_questions": " ".join(draft.primary_questions),
        "estimand": draft.estimand,
        **controls_initial(draft.added_controls),
        **admission_initial(draft),
        "signs_exclude": list(draft.signs_exclude),
        "contact": draft.contact,
        "consent": draft.consent,
        "stop_when_decided": rule is not None,
        **{f"stop_{name}": value for name, value in (rule or {}).items()},
        **crowd_initial(draft),
    }
    if isinstance(draft.protocol, str):
        return found | {"protocol": draft.protocol}
    worded = worded_of(draft.protocol)
    if worded is None:
        return found | {"protocol": FILE, "protocol_text": protocols.to_yaml(draft.protocol)}
    size = {"raters_per_panel": draft.raters_per_panel or worded.raters}
    if draft.samples_per_set is not None and worded.layout == "sets":
        size["own_set_size"] = draft.samples_per_set
    return found | {"protocol": OWN} | own_initial(worded) | size


def form_field(field: str) -> str:
    """Where the form has what `study_create` calls `field`."""
    if field == f"{FIELD}.exclude":
        return "control_report_only"
    files = {"claims": "claims_file", "controls": "controls_file", "qualification": "qualification_file"}
    return ({"labels": "runs", "crowd": "crowd_platform"} | files).get(
        field, field.replace("stopping_rule.", "stop_").replace(f"{FIELD}.", PREFIX).replace("crowd.", "crowd_")
    )
