"""Generation runs: made, watched, stopped, tried again; their samples and images."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.api.base import Endpoint, ListEndpoint
from evaluation.api.inputs import RunInput, RunsQuery, SamplesQuery
from evaluation.api.negotiation import AnyImage
from evaluation.api.serializers import FailureSerializer, ProgressSerializer, RunSerializer, SampleSerializer
from evaluation.errors import InputError
from evaluation.models import GenerationRun, Sample, SampleFailure
from evaluation.selectors.images import images_with_an_address
from evaluation.selectors.overview import runs_listed
from evaluation.selectors.runs import run_progress
from evaluation.selectors.suites import suite_by_name
from evaluation.services.runs.manage import run_delete
from evaluation.services.runs.request import RunDraft, run_cancel, run_pause, run_render, run_resume, run_retry
from evaluation.services.runs.spending import run_expected_usd
from evaluation.services.store.images import image_path
from evaluation.views.researcher.images import send_image
from generators.sizes import Size, square


def _asked_size(given: dict[str, Any]) -> Size | None:
    """The size that a body asks for: `size` for a square, or `width` and `height`.

    Raises:
        InputError: one side alone, or both ways at once with other numbers.
    """
    width, height, side = given["width"], given["height"], given["size"]
    if (width is None) != (height is None):
        raise InputError("Give width and height together, or neither.", field="height" if height is None else "width")
    if width is None:
        return None if side is None else square(side)
    if side not in (None, width) or side not in (None, height):
        raise InputError("Give width and height, or size for a square, not both.", field="size")
    return Size(width, height)


class RunList(ListModelMixin, ListEndpoint):
    """All runs, and rendering one."""

    serializer_class = RunSerializer
    query = RunsQuery
    body = RunInput

    def get_queryset(self) -> QuerySet[GenerationRun]:
        runs = runs_listed()
        name = self.asked.get("name")
        return runs if name is None else runs.filter(name=name)

    @extend_schema(operation_id="runs_list")
    def get(self, request: Request) -> Response:
        """List the runs, newest first."""
        return self.list(request)

    @extend_schema(operation_id="runs_render", responses={201: RunSerializer})
    def post(self, request: Request) -> Response:
        """Queue a run; workers render it."""
        given = self.given
        run = run_render(
            RunDraft(
                suite=suite_by_name(given["suite"]),
                generator=given["generator"],
                parameters=given["parameters"],
                size=_asked_size(given),
                samples_per_prompt=given["samples_per_prompt"],
                run_seed=given["run_seed"],
                name=given["name"],
                budget_usd=given["budget_usd"],
            ),
            created_by=self.researcher,
        )
        return Response(RunSerializer(run).data, status=status.HTTP_201_CREATED)


class RunDetail(Endpoint):
    """One run."""

    @extend_schema(operation_id="runs_retrieve", responses=RunSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Get one run with its provenance."""
        return Response(RunSerializer(get_object_or_404(runs_listed(), pk=pk)).data)

    @extend_schema(operation_id="runs_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a run that nothing uses, with its images and scores (`manage/` says what would be lost)."""
        run_delete(run=get_object_or_404(GenerationRun, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RunProgress(Endpoint):
    """How far a run is."""

    @extend_schema(operation_id="runs_progress", responses=ProgressSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Get a run's progress: images made and failed, speed and time left."""
        run = get_object_or_404(GenerationRun, pk=pk)
        progress = run_progress(run)
        row: dict[str, Any] = {
            "status": run.status,
            "expected": progress.expected,
            "made": progress.made,
            "failed": progress.failed,
            "samples_per_minute": progress.samples_per_minute,
            "seconds_left": progress.seconds_left,
            "spent_usd": run.spent_usd,
            "expected_usd": run_expected_usd(run, progress.expected) if run.is_drawn_here else None,
        }
        return Response(ProgressSerializer(row).data)


class RunCancel(Endpoint):
    """Stopping a run."""

    @extend_schema(operation_id="runs_cancel", responses={200: RunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Stop a run. Images made so far are kept."""
        return Response(RunSerializer(run_cancel(run=get_object_or_404(GenerationRun, pk=pk))).data)


class RunPause(Endpoint):
    """Leaving a run for later."""

    @extend_schema(operation_id="runs_pause", responses={200: RunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Pause a run until it is resumed. Workers go on with other runs."""
        return Response(RunSerializer(run_pause(run=get_object_or_404(GenerationRun, pk=pk))).data)


class RunRetry(Endpoint):
    """Trying again."""

    @extend_schema(operation_id="runs_retry", responses={200: RunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Retry failed samples, and make missing ones."""
        return Response(RunSerializer(run_retry(run=get_object_or_404(GenerationRun, pk=pk))).data)


class RunResume(Endpoint):
    """Going on."""

    @extend_schema(operation_id="runs_resume", responses={200: RunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Continue a run that was paused or stopped."""
        return Response(RunSerializer(run_resume(run=get_object_or_404(GenerationRun, pk=pk))).data)


class RunSamples(ListModelMixin, ListEndpoint):
    """A run's samples."""

    serializer_class = SampleSerializer
    query = SamplesQuery
    queryset = Sample.objects.none()

    def get_queryset(self) -> QuerySet[Sample]:
        if getattr(self, "swagger_fake_view", False):
            return Sample.objects.none()
        run = get_object_or_404(GenerationRun, pk=self.kwargs["pk"])
        samples = run.samples.select_related("prompt", "image").order_by("prompt__number", "sample")
        prompt_id = self.asked.get("prompt_id")
        return samples if prompt_id is None else samples.filter(prompt__number=int(prompt_id))

    @extend_schema(operation_id="runs_samples_list")
    def get(self, request: Request, pk: int) -> Response:
        """List a run's samples in the suite's order, each with its image's address."""
        return self.list(request)


class RunFailures(ListModelMixin, ListEndpoint):
    """What a run could not make."""

    serializer_class = FailureSerializer
    queryset = SampleFailure.objects.none()

    def get_queryset(self) -> QuerySet[SampleFailure]:
        if getattr(self, "swagger_fake_view", False):
            return SampleFailure.objects.none()
        run = get_object_or_404(GenerationRun, pk=self.kwargs["pk"])
        return run.failures.select_related("prompt").order_by("prompt__number", "sample")

    @extend_schema(operation_id="runs_failures_list")
    def get(self, request: Request, pk: int) -> Response:
        """List the failed samples, each with its reason."""
        return self.list(request)


class Image(Endpoint):
    """A stored image's bytes; uploaded files, before they are encoded anew, have no address."""

    renderer_classes = [AnyImage]

    @extend_schema(
        operation_id="images_retrieve",
        parameters=[OpenApiParameter("sha256", str, "path", pattern="^[0-9a-f]{64}$")],
        responses={(200, "image/*"): OpenApiResponse(OpenApiTypes.BINARY, description="The image")},
    )
    def get(self, request: HttpRequest, sha256: str) -> HttpResponseBase:
        """Get an image, byte for byte as stored."""
        found = get_object_or_404(images_with_an_address(), sha256=sha256)
        return send_image(image_path(found), f"image/{found.image_format}")
