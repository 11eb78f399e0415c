"""What the API gives and takes, noun by noun. Outputs mirror the models; inputs are what the services take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from evaluation.models import (
    GenerationRun,
    IncomingFile,
    Invitation,
    Prompt,
    Sample,
    SampleFailure,
    Study,
    Suite,
    Upload,
)
from evaluation.selectors.overview import suite_categories
from evaluation.services.studies.invitation import invitation_url
from evaluation.services.studies.open_or_queue import Opening, study_opening
from evaluation.services.studies.sets import MissingRule
from evaluation.suites import FORMATS


def choice(choices: Sequence[str], **options: Any) -> serializers.ChoiceField:
    """A field that takes one of `choices`, and says which they are when it gets another."""
    words = f'"{{input}}" is not allowed; choose one of {", ".join(choices)}.'
    return serializers.ChoiceField(choices=choices, error_messages={"invalid_choice": words}, **options)


class SuiteSerializer(serializers.ModelSerializer[Suite]):
    """A suite with its counts. `reference`: how to name it elsewhere in the API and in commands."""

    reference = serializers.CharField(source="__str__", read_only=True)
    n_prompts = serializers.IntegerField(read_only=True)
    n_categories = serializers.IntegerField(read_only=True)
    n_runs = serializers.IntegerField(read_only=True)

    class Meta:
        model = Suite
        fields = (
            *("id", "name", "version", "reference", "title", "version_hash", "content_hash", "source", "source_format"),
            *("licence", "frozen_at", "created_at", "n_prompts", "n_categories", "n_runs"),
        )
        read_only_fields = fields


class SuiteDetailSerializer(SuiteSerializer):
    """A suite with its categories."""

    categories = serializers.SerializerMethodField()

    class Meta:
        model = Suite
        fields = (*SuiteSerializer.Meta.fields, "categories")
        read_only_fields = fields

    def get_categories(self, suite: Suite) -> dict[str, int]:
        return dict(suite_categories(suite))


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    """A prompt. `prompt_id`: its number as five digits, as in files and exports."""

    class Meta:
        model = Prompt
        fields = ("prompt_id", "number", "text", "category", "attributes")
        read_only_fields = fields


class SuiteLoadSerializer(serializers.Serializer[dict[str, Any]]):
    """A suite to load: `known` by name, a `file`, or the key of one that was sent in parts."""

    known = serializers.CharField(required=False, help_text="drawbench-cc0 (included) or drawbench (downloaded)")
    file = serializers.FileField(required=False, help_text="CSV, TSV, JSONL, COCO captions (JSON), or plain text")
    file_key = serializers.UUIDField(required=False, help_text="Instead of `file`: the `key` of a file sent in parts")
    source_format = choice(FORMATS, required=False)
    name = serializers.CharField(required=False, max_length=100)
    title = serializers.CharField(required=False, max_length=200)
    licence = serializers.CharField(required=False, max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if [bool(attrs.get(name)) for name in ("known", "file", "file_key")].count(True) != 1:
            raise serializers.ValidationError("Give one of `known`, `file` and `file_key`.")
        return attrs


class ParameterSerializer(serializers.Serializer[Any]):
    """A generator's parameter."""

    name = serializers.CharField()
    help = serializers.CharField()
    kind = serializers.SerializerMethodField()
    default = serializers.JSONField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    choices = serializers.ListField(child=serializers.CharField())
    operator_only = serializers.BooleanField()

    def get_kind(self, parameter: Any) -> str:
        return str(parameter.value_type.__name__)


class GeneratorSerializer(serializers.Serializer[Any]):
    """A generator as the registry found it. `error`: why it can't be used, empty if it can."""

    name = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    error = serializers.CharField(allow_blank=True)
    summary = serializers.CharField(source="spec.summary", default="")
    sizes = serializers.ListField(source="spec.sizes", child=serializers.IntegerField(), default=[])
    needs_operator = serializers.BooleanField(source="spec.needs_operator", default=False)
    parameters = ParameterSerializer(source="spec.parameters", many=True, default=[])


class RunSerializer(serializers.ModelSerializer[GenerationRun]):
    """A generation run."""

    suite = serializers.CharField(source="suite.__str__", read_only=True)
    status = serializers.CharField(read_only=True, help_text="queued, running, done, cancelled or failed")

    class Meta:
        model = GenerationRun
        fields = (
            *("id", "name", "suite", "origin", "generator", "parameters", "size", "samples_per_prompt", "run_seed"),
            *("status", "message", "weights_fingerprint", "provenance", "notes", "created_at", "started_at"),
            "finished_at",
        )
        read_only_fields = fields


class RunCreateSerializer(serializers.Serializer[dict[str, Any]]):
    """A run to render."""

    suite = serializers.CharField(help_text="Name, or name@version")
    generator = serializers.CharField()
    parameters = serializers.DictField(
        required=False, default=dict, help_text="Parameters that are not given have their default values"
    )
    size = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="Image size in pixels")
    samples_per_prompt = serializers.IntegerField(required=False, default=8)
    run_seed = serializers.IntegerField(required=False, default=0)
    name = serializers.CharField(required=False, allow_blank=True, default="", max_length=120)


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a run is, in samples."""

    status = serializers.CharField(help_text="queued, running, done, cancelled or failed")
    expected = serializers.IntegerField()
    made = serializers.IntegerField()
    failed = serializers.IntegerField()
    samples_per_minute = serializers.FloatField(allow_null=True)
    seconds_left = serializers.FloatField(allow_null=True)


class SampleSerializer(serializers.ModelSerializer[Sample]):
    """A sample. `image`: where its bytes are."""

    prompt_id = serializers.CharField(source="prompt.prompt_id", read_only=True)
    image = serializers.SerializerMethodField()
    sha256 = serializers.CharField(source="image.sha256", read_only=True)
    image_format = serializers.CharField(source="image.image_format", read_only=True)
    width = serializers.IntegerField(source="image.width", read_only=True)
    height = serializers.IntegerField(source="image.height", read_only=True)
    n_bytes = serializers.IntegerField(source="image.n_bytes", read_only=True)

    class Meta:
        model = Sample
        fields = (
            *("prompt_id", "sample", "image", "sha256", "image_format", "width", "height", "n_bytes", "seconds"),
            *("content_key", "provenance", "created_at"),
        )
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.URI)
    def get_image(self, sample: Sample) -> str:
        path = reverse("api:image", args=[sample.image.sha256])
        request = self.context.get("request")
        return str(request.build_absolute_uri(path)) if request else path


class FailureSerializer(serializers.ModelSerializer[SampleFailure]):
    """A sample that could not be made."""

    prompt_id = serializers.CharField(source="prompt.prompt_id", read_only=True)

    class Meta:
        model = SampleFailure
        fields = ("prompt_id", "sample", "kind", "message", "attempts", "retrying", "created_at")
        read_only_fields = fields


class UploadCreateSerializer(serializers.Serializer[dict[str, Any]]):
    """A zip of images that is to become a run."""

    suite = serializers.CharField(help_text="Name, or name@version")
    run_name = serializers.CharField(max_length=120)
    generator = serializers.CharField(
        max_length=100, help_text="Name of the generator that made the images, as used in reports"
    )
    file = serializers.FileField(required=False, help_text="A zip of at most 8 MiB")
    file_key = serializers.UUIDField(required=False, help_text="Instead of `file`: the `key` of a zip sent in parts")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("file")) == bool(attrs.get("file_key")):
            raise serializers.ValidationError("Give either `file` or `file_key`.")
        return attrs


class IncomingFileCreateSerializer(serializers.Serializer[dict[str, Any]]):
    """A file that is to come in parts."""

    file_name = serializers.CharField(max_length=300)
    n_bytes = serializers.IntegerField(min_value=1, max_value=2**62, help_text="Size of the whole file")
    sha256 = serializers.CharField(
        required=False, max_length=64, help_text="Of the whole file; checked when it is used, if given"
    )


class IncomingFileSerializer(serializers.ModelSerializer[IncomingFile]):
    """A file on its way in: `n_received` of its `n_bytes` have come."""

    part_max_bytes = serializers.SerializerMethodField(help_text="Largest size of a part")

    class Meta:
        model = IncomingFile
        fields = ("key", "file_name", "n_bytes", "n_received", "sha256", "part_max_bytes", "created_at")
        read_only_fields = fields

    def get_part_max_bytes(self, file: IncomingFile) -> int:
        most: int = settings.PART_MAX_BYTES
        return most


class PartSerializer(serializers.Serializer[dict[str, Any]]):
    """Where a part belongs."""

    offset = serializers.IntegerField(min_value=0, max_value=2**62)
    sha256 = serializers.CharField(required=False, max_length=64)


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """An upload. It is `checking`, then `ready` to be confirmed, then `done` with its `run`."""

    suite = serializers.CharField(source="suite.__str__", read_only=True)
    run = serializers.PrimaryKeyRelatedField(read_only=True)  # type: ignore[var-annotated]

    status = serializers.CharField(
        read_only=True, help_text="received, checking, ready, storing, done, failed or dropped"
    )

    class Meta:
        model = Upload
        fields = (
            *("key", "suite", "run_name", "generator", "file_name", "status", "n_files", "n_checked", "summary"),
            *("options", "message", "run", "created_at"),
        )
        read_only_fields = fields


class UploadRowSerializer(serializers.Serializer[dict[str, Any]]):
    """One file of an upload. `problem`: why it would be left out, empty if it would not."""

    file = serializers.CharField()
    prompt_id = serializers.CharField(allow_null=True)
    sample = serializers.IntegerField(allow_null=True)
    problem = serializers.CharField(allow_blank=True)


class UploadOptionsSerializer(serializers.Serializer[dict[str, Any]]):
    """How names are read (`upload_match` says which values there are), and what may be left out."""

    layout = serializers.CharField(required=False)
    numbering = serializers.CharField(required=False)
    sample_numbering = serializers.CharField(required=False)
    samples = serializers.IntegerField(required=False, help_text="Images per prompt")
    ignore_problems = serializers.BooleanField(required=False, help_text="Leave out files with problems")
    allow_missing = serializers.BooleanField(required=False, help_text="Create the run even if samples are missing")


class StudyRunSerializer(serializers.Serializer[Any]):
    """A run's place in a study."""

    label = serializers.CharField()  # type: ignore[assignment]
    run = serializers.CharField(source="run.name")


class StudySerializer(serializers.ModelSerializer[Study]):
    """A study. `n_ratings`: standing ones, `n_simulated` of them by simulated raters."""

    runs = StudyRunSerializer(source="study_runs", many=True, read_only=True)
    n_raters = serializers.IntegerField(read_only=True)
    n_ratings = serializers.IntegerField(read_only=True)
    n_simulated = serializers.IntegerField(read_only=True)
    status = serializers.CharField(read_only=True, help_text="draft, open or closed")

    class Meta:
        model = Study
        fields = (
            *("name", "title", "protocol", "status", "specification_hash", "design_seed", "runs", "n_raters"),
            *("n_ratings", "n_simulated", "created_at", "opened_at", "closed_at"),
        )
        read_only_fields = fields


class StudyOpeningSerializer(serializers.Serializer[Opening]):
    """How far a worker is with opening a study. `message`: why it could not be opened, else empty."""

    done = serializers.IntegerField()
    images = serializers.IntegerField()
    message = serializers.CharField(allow_blank=True)


class StudyDetailSerializer(StudySerializer):
    """A study with its whole declaration. `opening`: null unless a worker was asked to open it."""

    specification = serializers.DictField(read_only=True)
    opening = serializers.SerializerMethodField()

    class Meta:
        model = Study
        fields = (*StudySerializer.Meta.fields, "specification", "opening")
        read_only_fields = fields

    @extend_schema_field(StudyOpeningSerializer(allow_null=True))
    def get_opening(self, study: Study) -> dict[str, Any] | None:
        opening = study_opening(study)
        return None if opening is None else dict(StudyOpeningSerializer(opening).data)


class StoppingRuleSerializer(serializers.Serializer[dict[str, Any]]):
    """When a study may end early; every field is optional. The live board and the results show its recommendation."""

    max_raters = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="Stop at this many finished raters in any case; default: all places of the study",
    )
    min_raters = serializers.IntegerField(
        required=False, allow_null=True, help_text="Don't stop before this many have finished; default: 5"
    )
    margin = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="Also stop once the whole interval is within ± this; 0.1 is ten points",
    )
    half_width = serializers.FloatField(
        required=False, allow_null=True, help_text="Also stop once the interval is no wider than ± this"
    )
    alpha = serializers.FloatField(
        required=False, allow_null=True, help_text="The intervals have level 1 − alpha; default: 0.05"
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Fields that are not ours go along, so that the service tells of them: a rule is locked, and none is lost."""
        checked: dict[str, Any] = super().to_internal_value(data)
        return {name: data[name] for name in data if name not in self.fields} | checked


class StudyCreateSerializer(serializers.Serializer[dict[str, Any]]):
    """A draft of a study to make."""

    name = serializers.CharField(max_length=100)
    runs = serializers.ListField(child=serializers.CharField(), help_text="Names of two or more runs on one suite")
    labels = serializers.ListField(
        child=serializers.CharField(max_length=120),
        required=False,
        help_text="Labels of the runs in results, in the same order",
    )
    protocol = serializers.CharField(required=False, default="drawbench")
    title = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    design_seed = serializers.IntegerField(required=False, default=0)
    samples_per_set = serializers.IntegerField(required=False, allow_null=True, default=None)
    raters_per_panel = serializers.IntegerField(required=False, allow_null=True, default=None)
    missing = choice(get_args(MissingRule), required=False, default="refuse")
    consent = serializers.CharField(required=False, allow_blank=True, default="")
    contact = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    stopping_rule = StoppingRuleSerializer(
        required=False, allow_null=True, default=None, help_text="When the study may end early; null: no rule"
    )
    masks = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        default=list,
        help_text="Corners to cover on every image, such as bottom-right:0.3x0.1 (width and height, as shares)",
    )


class PanelProgressSerializer(serializers.Serializer[Any]):
    """How far a panel is."""

    panel = serializers.CharField(allow_blank=True)
    trials = serializers.IntegerField()
    raters_wanted = serializers.IntegerField()
    raters_enrolled = serializers.IntegerField()
    raters_finished = serializers.IntegerField()
    raters_simulated = serializers.IntegerField()
    raters_dropped = serializers.IntegerField()
    ratings_wanted = serializers.IntegerField()
    ratings_made = serializers.IntegerField()
    ratings_simulated = serializers.IntegerField()
    trials_skipped = serializers.IntegerField()


class StudyProgressSerializer(serializers.Serializer[Any]):
    """How far a study is, in all and by panel."""

    raters_wanted = serializers.IntegerField()
    raters_enrolled = serializers.IntegerField()
    raters_finished = serializers.IntegerField()
    ratings_wanted = serializers.IntegerField()
    ratings_made = serializers.IntegerField()
    ratings_simulated = serializers.IntegerField()
    panels = PanelProgressSerializer(many=True)


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """A link that lets raters in."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields = (
            *("id", "url", "label", "max_raters", "expires_at", "revoked_at", "completion_code", "completion_url"),
            "created_at",
        )
        read_only_fields = ("id", "url", "revoked_at", "created_at")

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, invitation: Invitation) -> str:
        return invitation_url(invitation)
