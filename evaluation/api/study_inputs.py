"""What the API takes of studies: drafts, made, changed and copied."""

from __future__ import annotations

from typing import Any, get_args

from rest_framework.fields import empty

from common import limits
from evaluation import protocols
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, ESTIMANDS
from evaluation.analysis.refusals import POLICIES
from evaluation.analysis.signs import SIGNS
from evaluation.api.fields import Choice, FileKey, Flag, Input, Number, Several, Whole, Words
from evaluation.api.inputs import SLUG, SLUG_WORDS
from evaluation.api.study_parts import AddedControlsInput, CrowdInput, StoppingRuleInput
from evaluation.protocols import MOST_RATERS
from evaluation.protocols.parts import MOST_QUESTIONS
from evaluation.protocols.tree import MOST_BYTES as MOST_PROTOCOL_BYTES
from evaluation.selectors.crowd import STANDARD
from evaluation.services.studies.admission import MOST_ANSWERS, MOST_ITEMS, MOST_STUDIES
from evaluation.services.studies.care import BREAK_MINUTES, BREAK_TRIALS
from evaluation.services.studies.change import VERSION_CHARACTERS
from evaluation.services.studies.checks import MOST_RUNS
from evaluation.services.studies.crowd import MOST_ABOUT
from evaluation.services.studies.sets import LARGEST_SET, MissingRule
from evaluation.services.studies.viewing import DEFAULT_SURROUND, SMALLEST_WIDTHS, SURROUNDS

MOST_TEXT = 800_000
"""Characters of a file that stands in a body as text: a body has at most 1 MiB. A larger one is sent in parts."""
MOST_ABOUT_LINE = 12 * limits.ABOUT + 100
"""Characters of a question about the rater with its answers."""


class StudyInput(Input):
    """A draft of a study to make."""

    name = Words(max_length=limits.STUDY_NAME, pattern=SLUG, pattern_words=SLUG_WORDS)
    runs = Several(
        child=Words(),
        least=1,
        max_length=MOST_RUNS,
        help_text="Names of runs on one suite; two or more where a trial shows two",
    )
    labels = Several(
        child=Words(max_length=limits.LABEL),
        required=False,
        max_length=MOST_RUNS,
        help_text="Labels of the runs in results, in the same order",
    )
    protocol = Words(
        required=False,
        default="drawbench",
        max_length=limits.REFERENCE,
        help_text=f"{', '.join(protocols.names())}; one of the lab's own; or study:NAME, the protocol of that study",
    )
    protocol_file = Words(
        required=False,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        lines=True,
        max_length=MOST_PROTOCOL_BYTES,
        help_text="The text of a YAML file, in place of `protocol`",
    )
    reference = Words(
        required=False,
        allow_blank=True,
        default="",
        help_text="Name of the run of reference photographs, for protocols that show them",
    )
    claims_file = Words(
        required=False,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        lines=True,
        max_length=MOST_TEXT,
        help_text="The text of a file of claims; if empty, those of the suite's attributes are asked",
    )
    claims_key = FileKey(required=False, help_text="Of a file of claims that was sent in parts, in place of its text")
    controls_file = Words(
        required=False,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        lines=True,
        max_length=MOST_TEXT,
        help_text="The text of a table of control trials: prompt_id, shown, question, answer",
    )
    without_controls = Flag(required=False, default=False, help_text="Leave out the protocol's control trials")
    added_controls = AddedControlsInput(
        required=False,
        allow_null=True,
        default=None,
        help_text="Control trials of the study's own images; null: those that the protocol declares",
    )
    qualification_file = Words(
        required=False,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        lines=True,
        max_length=MOST_TEXT,
        help_text="The text of a table of trials that raters answer first, with feedback; as `controls_file`",
    )
    qualification_least = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=MOST_ITEMS,
        help_text="Trials of the qualification that must be right; null: all",
    )
    quota_question = Words(
        required=False,
        allow_blank=True,
        default="",
        max_length=limits.TITLE,
        help_text="What raters are asked at consent, for quotas",
    )
    quota_answers = Several(
        child=Words(max_length=limits.LABEL + 10),
        required=False,
        default=list,
        max_length=MOST_ANSWERS,
        help_text='Its answers with the most raters who give each, such as "English: 20"',
    )
    most_per_panel = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=MOST_RATERS,
        help_text="Raters that a panel takes; null: as many as it has places",
    )
    exclude_studies = Several(
        child=Words(max_length=limits.STUDY_NAME),
        required=False,
        default=list,
        max_length=MOST_STUDIES,
        help_text="Names of studies; who took part in one of them is not taken",
    )
    hide_rates = Flag(required=False, default=False, help_text="Keep rates hidden from the team until the study closes")
    signs_exclude = Several(
        child=Choice(tuple(SIGNS)),
        required=False,
        default=list,
        max_length=len(SIGNS),
        help_text="Signs that exclude a rater, as declared beforehand; all are shown in any case",
    )
    flagged_file = Words(
        required=False,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        lines=True,
        max_length=MOST_TEXT,
        help_text="Images to blur until a rater uncovers them: the text of a table of prompt_id, run, sample",
    )
    flag_above = Number(
        required=False,
        allow_null=True,
        default=None,
        min_value=0,
        max_value=1,
        help_text="Also blur images whose score by open-nsfw is above this; null: none",
    )
    content_warning = Words(
        required=False,
        allow_blank=True,
        default="",
        max_length=limits.CONTENT_WARNING,
        lines=True,
        help_text="Shown with the consent text; if empty and images may be blurred: a text of ours",
    )
    break_minutes = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=BREAK_MINUTES[0],
        max_value=BREAK_MINUTES[1],
        help_text="Offer raters a pause after so many minutes; null: never",
    )
    break_trials = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=BREAK_TRIALS[0],
        max_value=BREAK_TRIALS[1],
        help_text="Offer raters a pause after so many trials; null: never",
    )
    display_side = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=16,
        max_value=2048,
        help_text="Longest side of shown images in pixels; null: the largest of the runs, up to 512",
    )
    title = Words(required=False, allow_blank=True, default="", max_length=limits.TITLE)
    design_seed = Whole(required=False, default=0)
    samples_per_set = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=LARGEST_SET,
        help_text="Images per set; null: the protocol's number, or what the runs have",
    )
    raters_per_panel = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=MOST_RATERS,
        help_text="Raters per category; null: the protocol's number",
    )
    missing = Choice(get_args(MissingRule), required=False, default="refuse", help_text="If images are missing")
    consent = Words(
        required=False,
        allow_blank=True,
        default="",
        max_length=limits.CONSENT,
        lines=True,
        help_text="What raters agree to",
    )
    contact = Words(
        required=False, allow_blank=True, default="", max_length=limits.CONTACT, help_text="Whom raters can ask"
    )
    stopping_rule = StoppingRuleInput(
        required=False, allow_null=True, default=None, help_text="When the study may end early; null: no rule"
    )
    masks = Several(
        child=Words(max_length=60),
        required=False,
        default=list,
        max_length=4,
        help_text="Corners to cover on every image, such as bottom-right:0.3x0.1 (width and height, as shares)",
    )
    surround = Choice(
        tuple(SURROUNDS), required=False, default=DEFAULT_SURROUND, help_text="The colour around the images"
    )
    smallest_width = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=SMALLEST_WIDTHS[0],
        max_value=SMALLEST_WIDTHS[1],
        help_text="CSS pixels that each image must stand wide on a rater's screen; null: any",
    )
    prompts_language = Words(
        required=False,
        allow_blank=True,
        default="",
        max_length=limits.LANGUAGE,
        help_text="The prompts' language, such as en or pt-BR; raters with another confirm that they read it",
    )
    primary_pairs = Several(
        child=Several(child=Words(max_length=limits.LABEL), min_length=2, max_length=2),
        required=False,
        default=list,
        max_length=MOST_RUNS * (MOST_RUNS - 1) // 2,
        help_text="Pairs of labels that the study sets out to compare, two each; empty: all. Others are exploratory",
    )
    primary_questions = Several(
        child=Words(max_length=40),
        required=False,
        default=list,
        max_length=MOST_QUESTIONS,
        help_text="Questions that it sets out to answer; empty: all that take a choice",
    )
    estimand = Choice(
        tuple(ESTIMANDS),
        required=False,
        default=DEFAULT_ESTIMAND,
        help_text="Whom the intervals of its results speak for",
    )
    crowd = CrowdInput(
        required=False, allow_null=True, default=None, help_text="For a recruitment site; null: plain links"
    )
    about = Several(
        child=Words(max_length=MOST_ABOUT_LINE),
        required=False,
        default=list,
        max_length=MOST_ABOUT,
        help_text=f"Questions about the rater: {', '.join(STANDARD)}, or id: question | answer | answer",
    )
    refusals = Words(
        required=False,
        allow_blank=True,
        default="",
        max_length=limits.PLATFORM,
        help_text=f"How the report counts prompts that a generator refused: {', '.join(POLICIES)}",
    )


class StudyChangesInput(StudyInput):
    """What is to be otherwise; what is not given stays as it is."""

    version = Words(
        required=False,
        max_length=VERSION_CHARACTERS,
        help_text="The draft's `version` as it was read: the request is refused if the draft was changed since",
    )

    def get_fields(self) -> dict[str, Any]:
        """The same fields, none of them with a default."""
        fields = dict(super().get_fields())
        for field in fields.values():
            field.required, field.default = False, empty
        return fields


class StudyCopyInput(StudyChangesInput):
    """A copy's name, and what is to be otherwise."""

    version = None  # type: ignore[assignment]  # Django REST framework leaves a field out so

    def get_fields(self) -> dict[str, Any]:
        """The name must be given."""
        fields = super().get_fields()
        fields["name"].required = True
        return fields
