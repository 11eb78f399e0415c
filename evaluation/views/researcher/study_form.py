"""The form of a study's draft, new, edited or copied; parts of it are folded away, or shown where the protocol asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict

from common import limits
from evaluation import protocols
from evaluation.analysis.estimands import ESTIMAND_WORDS
from evaluation.errors import InputError
from evaluation.models import GenerationRun
from evaluation.protocols.claims import MOST_BYTES as MOST_CLAIM_BYTES
from evaluation.protocols.claims import ClaimsByText, read_claims
from evaluation.protocols.serving import needs
from evaluation.protocols.summary import in_a_line
from evaluation.protocols.tree import MOST_BYTES as MOST_PROTOCOL_BYTES
from evaluation.selectors.overview import comparable_runs
from evaluation.selectors.own_protocols import OwnProtocol, own_protocols, protocol_named
from evaluation.services.studies.change import VERSION_CHARACTERS
from evaluation.services.studies.checks import MOST_RUNS
from evaluation.services.studies.create import StudyDraft
from evaluation.services.studies.known import MOST_BYTES as MOST_CONTROL_BYTES
from evaluation.services.studies.known import read_known
from evaluation.views.researcher.admission_form import AdmissionForm
from evaluation.views.researcher.care_form import CareForm
from evaluation.views.researcher.crowd_form import CrowdForm
from evaluation.views.researcher.viewing_form import ViewingForm

MISSING_CHOICES = [
    ("refuse", "Don't create the study"),
    ("drop-prompts", "Leave these prompts out"),
    ("smaller-sets", "Show smaller sets for these prompts"),
]
OWN, FILE = "own-questions", "own-file"
"""Choices of the protocol: questions worded on the page, and a YAML file."""


@dataclass(frozen=True, slots=True)
class ProtocolChoice:
    """A protocol in the form's list. `line`: what it is, in a line. `parts`: those of the form that it needs."""

    value: str
    title: str
    line: str
    parts: str
    picked: bool


class StudyForm(ViewingForm, CareForm, CrowdForm, AdmissionForm):
    """A draft. The runs are picked in a table beside it, each with a label of its own.

    `base`: the draft that is edited or copied, whose claims and control trials stay unless others are given.
    """

    version = forms.CharField(required=False, max_length=VERSION_CHARACTERS, widget=forms.HiddenInput)
    name = forms.SlugField(
        label="Name",
        max_length=limits.STUDY_NAME,
        help_text="Letters, digits, - and _. Used in addresses and commands.",
    )
    title = forms.CharField(
        label="Title", required=False, max_length=limits.TITLE, help_text="For researchers; raters never see it."
    )
    protocol = forms.ChoiceField(label="Protocol", widget=forms.RadioSelect)
    protocol_file = forms.FileField(
        label="Protocol file", required=False, help_text="YAML, at most 128 KiB; it replaces the text below."
    )
    protocol_text = forms.CharField(
        label="Or its text",
        required=False,
        max_length=MOST_PROTOCOL_BYTES,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "class": "code"}),
        help_text="A whole protocol, or based_on another with what differs.",
    )
    reference = forms.ModelChoiceField(
        GenerationRun.objects.none(),
        label="Run of reference photographs",
        required=False,
        help_text="Upload the photographs as a run of the same suite, one for each prompt.",
    )
    claims_file = forms.FileField(
        label="File of claims",
        required=False,
        help_text="Davidsonian Scene Graph, GenEval 2, or a table of prompt and claim. If none: the claims of the "
        "suite's attributes.",
    )
    claims_of_suite = forms.BooleanField(label="Ask the claims of the suite's attributes instead", required=False)
    controls_file = forms.FileField(
        label="File of control trials",
        required=False,
        help_text="A table of prompt_id, shown, question, answer.",
    )
    without_controls = forms.BooleanField(
        label="Leave out the protocol's control trials", required=False, help_text="The report names it as a departure."
    )
    runs = forms.ModelMultipleChoiceField(GenerationRun.objects.none(), label="Runs to compare")
    raters_per_panel = forms.IntegerField(
        label="Raters per trial",
        required=False,
        min_value=1,
        help_text="How many people rate each trial of a category. If empty: the protocol's number.",
    )
    samples_per_set = forms.IntegerField(
        label="Images per set",
        required=False,
        min_value=1,
        help_text="If empty: the protocol's number, or what the runs have.",
    )
    missing = forms.ChoiceField(label="If images are missing", choices=MISSING_CHOICES)
    display_side = forms.IntegerField(
        label="Longest side shown",
        required=False,
        min_value=16,
        max_value=2048,
        help_text="In pixels. If empty: the largest of the runs, up to 512.",
    )
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

    def __init__(self, *args: Any, base: StudyDraft | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.base = base
        self.own: list[OwnProtocol] = own_protocols()
        protocol, runs, reference = (self.fields[name] for name in ("protocol", "runs", "reference"))
        assert isinstance(protocol, forms.ChoiceField)
        assert isinstance(runs, forms.ModelMultipleChoiceField) and isinstance(reference, forms.ModelChoiceField)
        protocol.choices = [
            *((name, protocols.get(name).title) for name in protocols.names()),
            *((each.key, each.protocol.title) for each in self.own),
            (OWN, "Questions of your own"),
            (FILE, "A protocol of your own, as a file"),
        ]
        also = [run.pk for run in (*base.runs, *filter(None, [base.reference]))] if base is not None else []
        runs.queryset = reference.queryset = comparable_runs(also)
        reference.label_from_instance = lambda run: f"{run.name} ({run.suite})"  # type: ignore[method-assign,assignment]
        runs.error_messages["required"] = "Choose the runs, of one suite."

    @property
    def protocol_choices(self) -> list[ProtocolChoice]:
        """The list of protocols, each with what it is."""
        picked = self["protocol"].value()
        listed = [(name, protocols.get(name), in_a_line(protocols.get(name))) for name in protocols.names()]
        listed += [
            (each.key, each.protocol, f"{in_a_line(each.protocol)} As in the study {each.study}.") for each in self.own
        ]
        choices = [
            ProtocolChoice(value, each.title, line, " ".join(sorted(needs(each))), value == picked)
            for value, each, line in listed
        ]
        every = "reference claims controls known preference"
        words = "One to four questions in your words, about one image, a pair, or sets."
        file = "Everything that a protocol can declare: rankings, claims, several languages."
        return [
            *choices,
            ProtocolChoice(OWN, "Questions of your own", words, "own preference", picked == OWN),
            ProtocolChoice(FILE, "A protocol of your own, as a file", file, f"file {every}", picked == FILE),
        ]

    @property
    def kept_claims(self) -> str:
        """The file whose claims stay unless another is given."""
        return self.base.claims_source if self.base is not None and self.base.claims is not None else ""

    @property
    def kept_controls(self) -> int:
        """How many control trials stay unless others are given."""
        return len({(row["prompt_id"], row["shown"]) for row in self.base.controls}) if self.base is not None else 0

    def clean(self) -> dict[str, Any]:
        """The fields, with the protocol that was chosen, worded or given as `declared`."""
        values = super().clean() or {}
        if "protocol" not in values:
            return values
        try:
            declared = self._declared(values)
        except protocols.ProtocolError as error:
            self.add_error("protocol_text", _said(error))
            return values
        except InputError as error:
            self.add_error("protocol", error.message)
            return values
        if declared is not None:
            values["declared"] = declared
            values["qualification_rows"] = self.qualification_rows(values)
            self._material(values, declared)
        return values

    def _declared(self, values: dict[str, Any]) -> protocols.Protocol | None:
        if values["protocol"] == OWN:
            return self.own_protocol()
        if values["protocol"] != FILE:
            return protocol_named(values["protocol"])
        name, data = "The text", values.get("protocol_text", "").encode()
        if (file := values.get("protocol_file")) is not None:
            name, data = file.name, file.read(MOST_PROTOCOL_BYTES + 1)
            sent = QueryDict(mutable=True)  # so that what the file says can be mended on the page
            sent.update(self.data)
            sent["protocol_text"] = data.decode("utf-8", "replace")
            self.data = sent
        if not data.strip():
            self.add_error("protocol_file", "Choose a YAML file, or write its text below.")
            return None
        return protocols.load(data, name)

    def _material(self, values: dict[str, Any], declared: protocols.Protocol) -> None:
        """What the chosen protocol needs beside the runs; what belongs to another is left aside."""
        needed, base = needs(declared), self.base
        if "reference" not in needed:
            values["reference"] = None
        values["without_controls"] = "controls" in needed and bool(values.get("without_controls"))
        claims: tuple[ClaimsByText | None, str] = (None, "")
        controls: Sequence[Mapping[str, str]] = ()
        if "claims" in needed and not values.get("claims_of_suite"):
            if (file := values.get("claims_file")) is not None:
                try:
                    claims = read_claims(file.read(MOST_CLAIM_BYTES + 1), file.name), file.name
                except protocols.ProtocolError as error:
                    self.add_error("claims_file", _said(error))
            elif base is not None:
                claims = base.claims, base.claims_source
        if "known" in needed and not values["without_controls"]:
            if (file := values.get("controls_file")) is not None:
                try:
                    controls = read_known(file.read(MOST_CONTROL_BYTES + 1), file.name)
                except InputError as error:
                    self.add_error("controls_file", error.message)
            elif base is not None:
                controls = base.controls
        elif values.get("control_gold"):
            controls = self.gold_rows() or (base.controls if base is not None else ())
        values |= {"claims": claims[0], "claims_source": claims[1], "controls": controls}
        if "preference" not in needed:
            values |= {"primary_pairs": "", "primary_questions": "", "estimand": ""}

    def draft(self, runs: Sequence[GenerationRun], labels: Sequence[str]) -> StudyDraft:
        """What a valid form asks for."""
        values = self.cleaned_data
        own = values["protocol"] == OWN
        return StudyDraft(
            name=values["name"],
            title=values["title"],
            protocol=values["declared"],
            runs=runs,
            labels=labels,
            raters_per_panel=None if own else values["raters_per_panel"],
            samples_per_set=None if own else values["samples_per_set"],
            missing=values["missing"],
            display_side=values["display_side"],
            design_seed=values["design_seed"],
            contact=values["contact"],
            consent=values["consent"],
            stopping_rule=self.stopping_rule(),
            masks=values["masks"].split(),
            primary_pairs=self.pairs(),
            primary_questions=values["primary_questions"].replace(",", " ").split(),
            estimand=values["estimand"],
            reference=values["reference"],
            claims=values["claims"],
            claims_source=values["claims_source"],
            controls=values["controls"],
            without_controls=values["without_controls"],
            added_controls=self.added_controls(),
            signs_exclude=values["signs_exclude"],
            **self.admission(self.base),
            copied_from=self.base.copied_from if self.base is not None else "",
            **self.viewing(),
            **self.care(),
            **self.crowd_fields(),
        )

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


def _said(error: protocols.ProtocolError) -> str:
    return f"{str(error).rstrip('.')}."
