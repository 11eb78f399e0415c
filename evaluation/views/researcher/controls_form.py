"""The part of a study's form on control trials of its own images, and what a choice attains, printed as it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import render

from common.limits import REFERENCE
from evaluation import protocols
from evaluation.analysis.signs import SIGNS
from evaluation.errors import InputError
from evaluation.protocols.control_fit import power_text
from evaluation.protocols.control_plan import FALSE_EXCLUSION, HONEST, MOST_OF_A_KIND, ControlPlan, Counts
from evaluation.protocols.errors import PlanError
from evaluation.selectors.own_protocols import protocol_named
from evaluation.services.studies.known import MOST_BYTES, read_known
from evaluation.services.studies.own_controls import plan_asked
from evaluation.views.researcher.own_questions import OwnQuestionsForm
from evaluation.views.researcher.pages import ResearcherRequest, page

PREFIX = "control_"
UNKNOWN = "The number needed depends on the protocol's answers; with three of them:"


def _number(label: str, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=MOST_OF_A_KIND, help_text=help_text)


class ControlsForm(OwnQuestionsForm):
    """How many control trials of each kind a session has, and the rule."""

    control_same = _number(
        "Same set twice", "One set on both sides; indifferent is right. Not where a choice is forced."
    )
    control_swapped = _number(
        "Set of another prompt",
        "A set beside one of the same generator for another prompt; the one that shows the prompt is right. Weak "
        "generators, whose images show no prompt well, make it noise.",
    )
    control_repeats = _number(
        "Repeated trials", "A trial seen again with its sides turned round; the same answer is right."
    )
    control_gold = _number("Gold trials", "Of the file; their right answers are known.")
    gold_file = forms.FileField(
        label="File of gold trials",
        required=False,
        help_text="A table of prompt, generators, question, expected.",
    )
    control_honest = forms.FloatField(
        label="Honest pass rate",
        required=False,
        min_value=HONEST[0],
        max_value=HONEST[1],
        help_text="Share of control trials that a rater who looks passes. If empty: 0.6.",
    )
    control_false_exclusion = forms.FloatField(
        label="Honest raters excluded, at most",
        required=False,
        min_value=FALSE_EXCLUSION[0],
        max_value=FALSE_EXCLUSION[1],
        help_text="If empty: 0.02.",
    )
    control_report_only = forms.BooleanField(
        label="Exclude nobody, only report", required=False, help_text="Results are then those of all raters."
    )

    signs_exclude = forms.MultipleChoiceField(
        label="Signs that exclude a rater",
        required=False,
        choices=list(SIGNS.items()),
        widget=forms.CheckboxSelectMultiple,
    )

    @property
    def control_fields(self) -> list[forms.BoundField]:
        """The fields of this part, in their order."""
        return [self[name] for name in self.fields if name.startswith(PREFIX) or name == "gold_file"]

    @property
    def controls_shown(self) -> bool:
        """Whether this part is unfolded: something was filled in."""
        return any(each.errors or each.value() not in (None, "", False) for each in self.control_fields)

    @property
    def attained(self) -> str:
        """What the numbers attain as they stand."""
        return attained_text({each.name: each.value() for each in self.control_fields}, self["protocol"].value())

    def added_controls(self) -> dict[str, object] | None:
        """The control trials that were filled in, None for those of the protocol."""
        values = self.cleaned_data
        given = {
            name.removeprefix(PREFIX): values.get(name)
            for name in self.fields
            if name.startswith(PREFIX) and name != "control_report_only" and values.get(name) is not None
        }
        if values.get("control_report_only"):
            given["exclude"] = False
        return given or None

    def gold_rows(self) -> tuple[Mapping[str, str], ...]:
        """The rows of the file of gold trials; an error stands beside its field."""
        file = self.cleaned_data.get("gold_file")
        if file is None:
            return ()
        try:
            return read_known(file.read(MOST_BYTES + 1), file.name)
        except InputError as error:
            self.add_error("gold_file", error.message)
            return ()


def controls_initial(given: Mapping[str, object] | None) -> dict[str, object]:
    """What this part holds for a draft that is there."""
    if given is None:
        return {}
    found = {f"{PREFIX}{name}": value for name, value in given.items() if name != "exclude"}
    return found | {"control_report_only": given.get("exclude") is False}


@page("GET")
def attained(request: ResearcherRequest) -> HttpResponseBase:
    """What the chosen control trials attain, as a part of the form that htmx fetches."""
    told = attained_text(_sent(request.GET), request.GET.get("protocol", "")[:REFERENCE])
    return render(request, "researcher/_controls_attained.html", {"attained": told})


def attained_text(given: Mapping[str, Any], protocol: str | None) -> str:
    """In words, what the fields of the form attain under the protocol called so."""
    form = forms.Form()
    form.fields = {name: field for name, field in ControlsForm.base_fields.items() if name.startswith(PREFIX)}
    form.is_bound = True
    form.data = {name: value for name, value in given.items() if value not in (None, False)}
    if not form.is_valid():
        return "Fill in whole numbers, and shares such as 0.6."
    values = form.cleaned_data
    plain = {
        name.removeprefix(PREFIX): value
        for name, value in values.items()
        if name != "control_report_only" and value is not None
    }
    try:
        declared = _protocol(protocol)
        if not any(plain.get(name) for name in Counts().to_dict()):
            rule = {name: value for name, value in plain.items() if name in ("honest", "false_exclusion")}
            return power_text(ControlPlan.from_dict({**rule, "repeats": 1}), declared, none=True)
        plan = ControlPlan.from_dict(plain)
        if declared is None:
            return f"{UNKNOWN} {power_text(plan, None)}"
        plan_asked(plain, declared, file=True)
        return power_text(plan, declared)
    except (PlanError, InputError) as error:
        return error.message


def _protocol(name: str | None) -> protocols.Protocol | None:
    """The protocol called so; None where its questions are worded on the page, or stand in a file."""
    try:
        return protocol_named(name or "")
    except InputError:
        return None


def _sent(query: QueryDict) -> dict[str, Any]:
    return {name: query.get(name) for name in ControlsForm.base_fields if name.startswith(PREFIX)}
