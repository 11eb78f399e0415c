"""What the API takes: bodies and the parameters of addresses. Limits are the services' own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from rest_framework import serializers
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.exceptions import AuthenticationFailed

from common import limits
from evaluation import protocols
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, ESTIMANDS
from evaluation.api.base import PageQuery
from evaluation.api.fields import (
    Choice,
    Flag,
    Input,
    Mapped,
    Moment,
    Named,
    Number,
    Query,
    Several,
    Whole,
    Words,
)
from evaluation.metrics import registry as metric_registry
from evaluation.models import Invitation
from evaluation.protocols import MOST_RATERS
from evaluation.protocols.parts import MOST_QUESTIONS
from evaluation.reports.compute import DEFAULT_SETTINGS, LEVELS
from evaluation.services.runs.request import MAX_NAME_CHARACTERS, MAX_SAMPLES_PER_PROMPT, RUN_NAME
from evaluation.services.studies.create import MOST_RUNS
from evaluation.services.studies.invitation import MOST_ADMITTED, WEB_ADDRESS
from evaluation.services.studies.sets import LARGEST_SET, MissingRule
from evaluation.services.studies.stopping_rule import ALPHA_MEANS, ALPHAS, SHARE_MEANS, SHARES
from evaluation.services.uploads.match import MATCHING, MAX_SAMPLES
from generators import registry as generator_registry
from generators.seeding import MAX_RUN_SEED

SLUG = r"[-a-zA-Z0-9_]+"
SLUG_WORDS = "Use letters, digits, - and _, without spaces."
RUN_NAME_WORDS = "Begin with a letter or digit; use letters, digits, spaces and . , = + ( ) _ - only."
LARGEST_SIZE = 16_384
"""Pixels a side, above what any generator draws."""

PARAMETERS = "Parameters that are not given have their default values; GET {} lists them"


def longest(model: Any, field: str) -> int:
    """Characters that a model's field holds."""
    return int(model._meta.get_field(field).max_length)


def usable(registry: Any) -> Sequence[str]:
    """The names in a registry that the API may ask for."""
    return [each.name for each in registry.entries() if each.spec is not None and not each.spec.needs_operator]


# --- Addresses ------------------------------------------------------------------------------------------------------


class RunsQuery(PageQuery):
    """Which runs."""

    name = Words(required=False, allow_blank=True, help_text="Only the run of this name")


class SamplesQuery(PageQuery):
    """Which samples."""

    prompt_id = Words(
        required=False,
        pattern=r"[0-9]{1,9}",
        pattern_words="Give a prompt's number, such as 00012.",
        help_text="Only samples of this prompt",
    )


class PromptsQuery(PageQuery):
    """Which prompts."""

    category = Words(required=False, allow_blank=True, trim_whitespace=False, help_text="Only prompts of this category")


class ScoresQuery(PageQuery):
    """Which automatic scores."""

    run = Words(required=False, allow_blank=True, help_text="Only scores of this run")
    metric = Words(required=False, allow_blank=True, help_text="Only scores by this metric")


class ScoredImagesQuery(PageQuery):
    """In which order images come."""

    order = Choice(
        ("suite", "smallest", "largest"), required=False, default="suite", help_text="By prompt, or by score"
    )


class UploadTableQuery(PageQuery):
    """Which files."""

    problems = Flag(required=False, default=False, help_text="Only files with problems")


class ResultsQuery(Query):
    """Settings of the analysis."""

    estimand = Choice(tuple(ESTIMANDS), required=False, help_text=f"For whom it speaks; default: {DEFAULT_ESTIMAND}")
    level = Number(
        required=False,
        min_value=LEVELS[0],
        max_value=LEVELS[1],
        help_text=f"Confidence level; default: {DEFAULT_SETTINGS['level']}",
    )
    include_simulated = Flag(required=False, help_text="Whether simulated ratings count; default: true")


class RatingsQuery(Query):
    """The form of the file."""

    def get_fields(self) -> dict[str, Any]:
        """`as` is a word of Python."""
        words = "Form of the file; default: what the Accept header prefers, else csv"
        return {"as": Choice(("csv", "parquet"), required=False, help_text=words)}


class SchemaQuery(Query):
    """The form of the document."""

    format = Choice(("yaml", "json"), required=False, help_text="Default: what the Accept header prefers, else yaml")


# --- Bodies ---------------------------------------------------------------------------------------------------------


class SignInInput(Input, AuthTokenSerializer):
    """Username and password."""

    username = Words(max_length=limits.USERNAME)
    password = Words(trim_whitespace=False, max_length=limits.PASSWORD, style={"input_type": "password"})

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The user of that name and password. Raises AuthenticationFailed: they are wrong, though well formed."""
        try:
            return dict(super().validate(attrs))
        except serializers.ValidationError as error:
            raise AuthenticationFailed("Wrong username or password: no account has these credentials.") from error


class RunInput(Input):
    """A run to render."""

    suite = Words(help_text="Name, or name@version")
    generator = Named(names=lambda: usable(generator_registry))
    parameters = Mapped(required=False, default=dict, help_text=PARAMETERS.format("generators/NAME/"))
    size = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=LARGEST_SIZE,
        help_text="Pixels a side, one of the generator's sizes; null: its own",
    )
    samples_per_prompt = Whole(required=False, default=8, min_value=1, max_value=MAX_SAMPLES_PER_PROMPT)
    run_seed = Whole(required=False, default=0, max_value=MAX_RUN_SEED)
    name = Words(
        required=False,
        allow_blank=True,
        default="",
        max_length=MAX_NAME_CHARACTERS,
        pattern=RUN_NAME,
        pattern_words=RUN_NAME_WORDS,
        help_text="If empty: generator and suite",
    )


class ScoreInput(Input):
    """An automatic score to ask for."""

    run = Words(help_text="Name of the run whose images are scored")
    metric = Named(names=lambda: usable(metric_registry))
    parameters = Mapped(required=False, default=dict, help_text=PARAMETERS.format("metrics/"))
    reference = Words(required=False, allow_blank=True, default="", help_text="A stored reference's name, or run:NAME")


class ScoreRetryInput(Input):
    """How to take it up again."""

    anew = Flag(required=False, default=False, help_text="Discard the numbers and score all images again")


class EditInput(Input):
    """One file put right: `prompt` (number in the suite, from 0) and `sample`, or `leave_out`; alone: read again."""

    file = Words(max_length=limits.NAME_IN_ARCHIVE)
    prompt = Whole(required=False, max_value=limits.COLUMN)
    sample = Whole(required=False, max_value=MAX_SAMPLES - 1)
    leave_out = Flag(required=False)


class UploadOptionsInput(Input):
    """How names are read, and what may be left out. What is not given stays as it is."""

    layout = Choice(MATCHING["layout"], required=False)
    numbering = Choice(MATCHING["numbering"], required=False)
    sample_numbering = Choice(MATCHING["sample_numbering"], required=False)
    captions = Choice(MATCHING["captions"], required=False, help_text="Whether captions beside the images are prompts")
    samples = Whole(required=False, min_value=1, max_value=MAX_SAMPLES, help_text="Images per prompt")
    by_content = Flag(required=False, help_text="Take a .png that is a JPEG for what it is")
    edits = Several(child=EditInput(), required=False, help_text="Files put right by hand")
    ignore_problems = Flag(required=False, help_text="Leave out files with problems")
    allow_missing = Flag(required=False, help_text="Create the run even if samples are missing")


class StoppingRuleInput(Input):
    """When a study may end early; every field is optional. The live board and the results show its recommendation."""

    max_raters = Whole(
        required=False,
        allow_null=True,
        min_value=2,
        max_value=MOST_RATERS,
        help_text="Stop at this many finished raters in any case; default: all places of the study",
    )
    min_raters = Whole(
        required=False,
        allow_null=True,
        min_value=2,
        max_value=MOST_RATERS,
        help_text="Don't stop before this many have finished; default: 5",
    )
    margin = Number(
        required=False,
        allow_null=True,
        min_value=SHARES[0],
        max_value=SHARES[1],
        meaning=SHARE_MEANS,
        help_text="Also stop once the whole interval is within ± this; 0.1 is ten points",
    )
    half_width = Number(
        required=False,
        allow_null=True,
        min_value=SHARES[0],
        max_value=SHARES[1],
        meaning=SHARE_MEANS,
        help_text="Also stop once the interval is no wider than ± this",
    )
    alpha = Number(
        required=False,
        allow_null=True,
        min_value=ALPHAS[0],
        max_value=ALPHAS[1],
        meaning=ALPHA_MEANS,
        help_text="The intervals have level 1 − alpha; default: 0.05",
    )


class StudyInput(Input):
    """A draft of a study to make."""

    name = Words(max_length=limits.STUDY_NAME, pattern=SLUG, pattern_words=SLUG_WORDS)
    runs = Several(
        child=Words(),
        least=2,
        max_length=MOST_RUNS,
        help_text="Names of two or more runs on one suite",
    )
    labels = Several(
        child=Words(max_length=limits.LABEL),
        required=False,
        max_length=MOST_RUNS,
        help_text="Labels of the runs in results, in the same order",
    )
    protocol = Named(names=protocols.names, required=False, default="drawbench")
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


class InvitationInput(Input):
    """A link that lets raters in."""

    label = Words(  # type: ignore[assignment]  # a declared field is taken off the class
        required=False, allow_blank=True, default="", max_length=longest(Invitation, "label")
    )
    max_raters = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=MOST_ADMITTED,
        help_text="1 for a personal link; null: as many as the study has places",
    )
    expires_at = Moment(required=False, allow_null=True, default=None, help_text="In the future; null: never")
    completion_code = Words(
        required=False, allow_blank=True, default="", max_length=longest(Invitation, "completion_code")
    )
    completion_url = Words(
        required=False,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        max_length=longest(Invitation, "completion_url"),
        pattern=WEB_ADDRESS,
        pattern_words="Give an address that begins with https://.",
        help_text="Where raters go back to at the end",
    )
