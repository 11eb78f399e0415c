"""What the API gives, noun by noun; it mirrors the models. What it takes is `inputs`'."""

from __future__ import annotations

from typing import Any

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
    StudyStatus,
    Suite,
    Upload,
)
from evaluation.selectors.overview import suite_categories
from evaluation.services.studies.change import draft_version
from evaluation.services.studies.invitation import invitation_url
from evaluation.services.studies.open_or_queue import Opening, study_opening


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


class SuiteLoadedSerializer(SuiteDetailSerializer):
    """A suite that was loaded. `notes`: which columns were used and which not, what was left out or changed."""

    notes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Suite
        fields = (*SuiteDetailSerializer.Meta.fields, "notes")
        read_only_fields = fields


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    """A prompt. `prompt_id`: its number as five digits, as in files and exports."""

    class Meta:
        model = Prompt
        fields = ("prompt_id", "number", "text", "category", "attributes")
        read_only_fields = fields


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
    status = serializers.CharField(read_only=True, help_text="queued, running, paused, done, cancelled or failed")
    run_seed = serializers.IntegerField(
        source="known_seed", read_only=True, allow_null=True, help_text="null for uploads: they were not drawn here"
    )
    started_at = serializers.SerializerMethodField(help_text="When drawing began; null for uploads")

    class Meta:
        model = GenerationRun
        fields = (
            *("id", "name", "suite", "origin", "generator", "parameters", "width", "height"),
            *(
                "samples_per_prompt",
                "run_seed",
                "status",
                "message",
                "weights_fingerprint",
                "provenance",
                "declared",
                "notes",
            ),
            *("created_at", "started_at", "finished_at", "budget_usd", "spent_usd"),
        )
        read_only_fields = fields

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_started_at(self, run: GenerationRun) -> str | None:
        began = run.started_at if run.is_drawn_here else None
        shown: str | None = serializers.DateTimeField().to_representation(began) if began else None
        return shown


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a run is, in samples."""

    status = serializers.CharField(help_text="queued, running, paused, done, cancelled or failed")
    expected = serializers.IntegerField()
    made = serializers.IntegerField()
    failed = serializers.IntegerField()
    samples_per_minute = serializers.FloatField(allow_null=True)
    seconds_left = serializers.FloatField(allow_null=True)
    expected_usd = serializers.FloatField(
        allow_null=True, help_text="US dollars that all of it is expected to cost; null where nobody names a price"
    )
    spent_usd = serializers.FloatField(help_text="US dollars that it cost so far, where its generator asks for money")


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
            *("options", "declared", "message", "run", "created_at"),
        )
        read_only_fields = fields


class UploadRowSerializer(serializers.Serializer[dict[str, Any]]):
    """One file of an upload. `problem`: why it would be left out, empty if it would not."""

    file = serializers.CharField()
    prompt_id = serializers.CharField(allow_null=True)
    sample = serializers.IntegerField(allow_null=True)
    problem = serializers.CharField(allow_blank=True)


class ProtocolSerializer(serializers.Serializer[Any]):
    """A protocol. `study`: of the lab's own, the newest study that declares it; null of those that are included."""

    name = serializers.CharField()
    title = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    summary = serializers.CharField(help_text="What is shown and asked, in a line")
    needs = serializers.ListField(
        child=serializers.CharField(), help_text="Of reference, claims, controls, known (a file of them), preference"
    )
    study = serializers.CharField(allow_null=True)
    declaration = serializers.DictField()


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
            *("n_ratings", "n_simulated", "created_at", "opened_at", "paused_at", "closed_at"),
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
    version = serializers.SerializerMethodField(help_text="Of a draft: give it with a change; of others empty")

    class Meta:
        model = Study
        fields = (*StudySerializer.Meta.fields, "specification", "opening", "version")
        read_only_fields = fields

    def get_version(self, study: Study) -> str:
        return draft_version(study) if study.status == StudyStatus.DRAFT else ""

    @extend_schema_field(StudyOpeningSerializer(allow_null=True))
    def get_opening(self, study: Study) -> dict[str, Any] | None:
        opening = study_opening(study)
        return None if opening is None else dict(StudyOpeningSerializer(opening).data)


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

    completion_url = serializers.CharField(read_only=True, allow_blank=True, help_text="An address, or empty")
    screen_out_url = serializers.CharField(read_only=True, allow_blank=True, help_text="An address, or empty")
    url = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields = (
            *("id", "url", "label", "max_raters", "expires_at", "revoked_at", "completion_code", "completion_url"),
            *("platform", "partial_code", "screen_out_code", "screen_out_url", "created_at"),
        )
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.STR)  # for a recruitment site with placeholders in it, which no URI has
    def get_url(self, invitation: Invitation) -> str:
        return invitation_url(invitation)
