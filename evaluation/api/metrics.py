"""Automatic scores: the metrics there are, scores asked for, watched, stopped, taken up; each image's."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.api.base import Endpoint, ListEndpoint
from evaluation.api.inputs import ScoredImagesQuery, ScoreInput, ScoreRetryInput, ScoresQuery
from evaluation.api.serializers import ParameterSerializer
from evaluation.metrics import registry
from evaluation.models import MetricRun, MetricScore
from evaluation.selectors.runs import run_by_name
from evaluation.services.scoring.reference import references_listed
from evaluation.services.scoring.request import metric_cancel, metric_request, metric_retry


class MetricSerializer(serializers.Serializer[Any]):
    """A metric as the registry found it. `error`: why it can't be used, empty if it can."""

    name = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    error = serializers.CharField(allow_blank=True)
    summary = serializers.CharField(source="spec.summary", default="")
    kind = serializers.CharField(
        source="spec.kind", default="", help_text="sample: a number for each image; set: one for all images of a run"
    )
    better = serializers.CharField(source="spec.better", default="", help_text="higher or lower")
    needs_reference = serializers.BooleanField(source="spec.needs_reference", default=False)
    needs_operator = serializers.BooleanField(source="spec.needs_operator", default=False)
    parameters = ParameterSerializer(source="spec.parameters", many=True, default=[])


class MetricsSerializer(serializers.Serializer[Any]):
    """The metrics, and the names of the references that are stored."""

    metrics = MetricSerializer(many=True)
    references = serializers.ListField(child=serializers.CharField())


class MetricRunSerializer(serializers.ModelSerializer[MetricRun]):
    """One metric with its parameters on one run.

    `result`: of kind sample, the summary of its scores (`overall`, `categories`); of kind set, the value with its
    protocol manifest. `label`: how the number may be called.
    """

    run = serializers.CharField(source="run.name", read_only=True)
    reference = serializers.CharField(read_only=True)
    kind = serializers.CharField(read_only=True, help_text="sample or set")
    better = serializers.CharField(read_only=True, help_text="higher or lower")
    status = serializers.CharField(read_only=True, help_text="queued, running, done, cancelled or failed")
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    result = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = MetricRun
        fields = (
            *("id", "run", "metric", "kind", "better", "parameters", "reference", "status", "n_done", "n_total"),
            *("message", "label", "result", "provenance", "code_version", "images_hash", "created_at", "started_at"),
            "finished_at",
        )
        read_only_fields = fields


class MetricScoreSerializer(serializers.ModelSerializer[MetricScore]):
    """What a metric says of one image: `value`, or `why` there is none; `detail`: what was seen."""

    prompt_id = serializers.CharField(source="sample.prompt.prompt_id", read_only=True)
    category = serializers.CharField(source="sample.prompt.category", read_only=True)
    sample = serializers.IntegerField(source="sample.sample", read_only=True)
    sha256 = serializers.SerializerMethodField()

    class Meta:
        model = MetricScore
        fields = ("prompt_id", "category", "sample", "sha256", "value", "why", "detail")
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.STR)
    def get_sha256(self, score: MetricScore) -> str:
        return score.sample.image.sha256


class MetricList(Endpoint):
    """The metrics there are."""

    @extend_schema(operation_id="metrics_list", responses=MetricsSerializer)
    def get(self, request: Request) -> Response:
        """List the metrics with their parameters, and the stored references."""
        return Response(MetricsSerializer({"metrics": registry.entries(), "references": references_listed()}).data)


class MetricRunList(ListModelMixin, ListEndpoint):
    """All automatic scores, and requesting one."""

    serializer_class = MetricRunSerializer
    query = ScoresQuery
    body = ScoreInput

    def get_queryset(self) -> QuerySet[MetricRun]:
        found = MetricRun.objects.select_related("run", "reference_run").order_by("-created_at", "-pk")
        for name, field in (("run", "run__name"), ("metric", "metric")):
            value = self.asked.get(name)
            if value is not None:
                found = found.filter(**{field: value})
        return found

    @extend_schema(operation_id="scores_list")
    def get(self, request: Request) -> Response:
        """List the automatic scores, newest first."""
        return self.list(request)

    @extend_schema(operation_id="scores_request", responses={200: MetricRunSerializer, 201: MetricRunSerializer})
    def post(self, request: Request) -> Response:
        """Request a score; workers compute it. 200 if the same score was requested before."""
        given = self.given
        asked = metric_request(
            run=run_by_name(given["run"]),
            metric=given["metric"],
            parameters=given["parameters"],
            reference=given["reference"],
            created_by=self.researcher,
        )
        code = status.HTTP_201_CREATED if asked.is_new else status.HTTP_200_OK
        return Response(MetricRunSerializer(asked.metric_run).data, status=code)


class MetricRunDetail(Endpoint):
    """One automatic score."""

    @extend_schema(operation_id="scores_retrieve", responses=MetricRunSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Get one automatic score: its progress, result and provenance."""
        return Response(MetricRunSerializer(_metric_run(pk)).data)


class MetricRunCancel(Endpoint):
    """Stopping it."""

    @extend_schema(operation_id="scores_cancel", responses={200: MetricRunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Stop scoring. Scores computed so far are kept."""
        return Response(MetricRunSerializer(metric_cancel(metric_run=_metric_run(pk))).data)


class MetricRunRetry(Endpoint):
    """Going on."""

    body = ScoreRetryInput

    @extend_schema(operation_id="scores_retry", responses={200: MetricRunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Score what failed, was stopped or was added later; with `anew`, score all images again."""
        anew: bool = self.given["anew"]
        return Response(MetricRunSerializer(metric_retry(metric_run=_metric_run(pk), anew=anew)).data)


class MetricRunImages(ListModelMixin, ListEndpoint):
    """Each image's score."""

    serializer_class = MetricScoreSerializer
    query = ScoredImagesQuery
    queryset = MetricScore.objects.none()

    def get_queryset(self) -> QuerySet[MetricScore]:
        if getattr(self, "swagger_fake_view", False):
            return MetricScore.objects.none()
        found = get_object_or_404(MetricRun, pk=self.kwargs["pk"]).scores.select_related(
            "sample__prompt", "sample__image"
        )
        order = self.asked["order"]
        orders = {
            "suite": ("sample__prompt__number", "sample__sample"),
            "smallest": ("value", "sample"),
            "largest": ("-value", "sample"),
        }
        return (found if order == "suite" else found.filter(value__isnull=False)).order_by(*orders[order])

    @extend_schema(operation_id="scores_images_list")
    def get(self, request: Request, pk: int) -> Response:
        """List the images with their scores; for a metric of kind set, the influence of each image on the number."""
        return self.list(request)


def _metric_run(pk: int) -> MetricRun:
    return get_object_or_404(MetricRun.objects.select_related("run", "reference_run"), pk=pk)
