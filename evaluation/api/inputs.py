"""What the API takes: bodies and the parameters of addresses. Limits are the services' own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.exceptions import AuthenticationFailed

from common import limits
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
from evaluation.recruiting import PLATFORMS
from evaluation.reports.compute import DEFAULT_SETTINGS, LEVELS
from evaluation.services.runs.request import MAX_NAME_CHARACTERS, MAX_SAMPLES_PER_PROMPT, RUN_NAME
from evaluation.services.runs.spending import MAX_BUDGET_USD
from evaluation.services.studies.invitation import MOST_ADMITTED, WEB_ADDRESS
from evaluation.services.uploads.match import MATCHING, MAX_SAMPLES
from generators import registry as generator_registry
from generators.seeding import MAX_RUN_SEED
from generators.sizes import LARGEST

SLUG = r"[-a-zA-Z0-9_]+"
SLUG_WORDS = "Use letters, digits, - and _, without spaces."
RUN_NAME_WORDS = "Begin with a letter or digit; use letters, digits, spaces and . , = + ( ) _ - only."
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


LOOK = "Look though the study keeps its rates hidden until it closes; each look is logged"


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
    look = Flag(required=False, help_text=LOOK)


class ReportQuery(ResultsQuery):
    """Settings of the analysis, and what a report as one file has inside."""

    ratings = Flag(required=False, help_text="Whether a report as one HTML file carries its ratings; default: false")


class LookQuery(Query):
    """Whether to look."""

    look = Flag(required=False, help_text=LOOK)


class RatingsQuery(Query):
    """The form of the file."""

    def get_fields(self) -> dict[str, Any]:
        """`as` is a word of Python."""
        words = "Form of the file; default: what the Accept header prefers, else csv"
        return {
            "as": Choice(("csv", "parquet"), required=False, help_text=words),
            "look": Flag(required=False, help_text=LOOK),
        }


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
        max_value=LARGEST,
        help_text="Pixels a side, where images are square: the same as width and height",
    )
    width = Whole(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=LARGEST,
        help_text="Pixels, with height: one of the generator's sizes, or any where it has parameters width and height; "
        "null: its own",
    )
    height = Whole(
        required=False, allow_null=True, default=None, min_value=1, max_value=LARGEST, help_text="Pixels, with width"
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
    budget_usd = Number(
        required=False,
        allow_null=True,
        default=None,
        min_value=0.000001,
        max_value=MAX_BUDGET_USD,
        help_text="US dollars that it may cost, where its generator asks for money; null: any",
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
    order = Choice(MATCHING["order"], required=False)
    captions = Choice(MATCHING["captions"], required=False, help_text="Whether captions beside the images are prompts")
    samples = Whole(required=False, min_value=1, max_value=MAX_SAMPLES, help_text="Images per prompt")
    by_content = Flag(required=False, help_text="Take a .png that is a JPEG for what it is")
    edits = Several(child=EditInput(), required=False, help_text="Files put right by hand")
    ignore_problems = Flag(required=False, help_text="Leave out files with problems")
    allow_missing = Flag(required=False, help_text="Create the run even if samples are missing")


class CloseInput(Input):
    """Closing a study."""

    inside = Whole(
        required=False,
        default=0,
        min_value=0,
        help_text="How many raters you know to be inside, who can't go on then",
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
    screen_out_code = Words(
        required=False,
        allow_blank=True,
        default="",
        max_length=longest(Invitation, "screen_out_code"),
        help_text="For those whom the study can't take; another than the completion code",
    )
    screen_out_url = Words(
        required=False,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        max_length=longest(Invitation, "screen_out_url"),
        pattern=WEB_ADDRESS,
        pattern_words="Give an address that begins with https://.",
        help_text="Where those go back to whom the study can't take",
    )
    platform = Words(
        required=False,
        allow_blank=True,
        default="",
        max_length=longest(Invitation, "platform"),
        help_text=f"For a recruitment site, whose participants alone it lets in: {', '.join(PLATFORMS)}",
    )
    partial_code = Words(
        required=False,
        allow_blank=True,
        default="",
        max_length=longest(Invitation, "partial_code"),
        help_text="For raters who are inside when the study closes",
    )
