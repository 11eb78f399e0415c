"""Studies: made, opened, watched, closed; their invitations, ratings and results."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.api.base import Endpoint, ErrorSerializer, ListEndpoint, data_of
from evaluation.api.serializers import (
    InvitationSerializer,
    StudyCreateSerializer,
    StudyDetailSerializer,
    StudyProgressSerializer,
    StudySerializer,
)
from evaluation.errors import InputError
from evaluation.models import Invitation, Study
from evaluation.selectors.overview import studies_listed
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.runs import run_by_name
from evaluation.selectors.studies import study_by_name, study_progress
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_close
from evaluation.services.studies.open_or_queue import study_open_soon
from evaluation.views.researcher.studies import ratings_response

REFUSED = {400: ErrorSerializer, 404: ErrorSerializer, 409: ErrorSerializer}


class StudyList(ListModelMixin, ListEndpoint):
    """All studies, and creating one."""

    serializer_class = StudySerializer

    def get_queryset(self) -> QuerySet[Study]:
        return studies_listed().prefetch_related("study_runs__run")

    @extend_schema(operation_id="studies_list")
    def get(self, request: Request) -> Response:
        """List the studies, newest first."""
        return self.list(request)

    @extend_schema(
        operation_id="studies_create",
        request=StudyCreateSerializer,
        responses={201: StudyDetailSerializer, **REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Create a study as a draft."""
        given = data_of(StudyCreateSerializer(data=request.data))
        runs = [run_by_name(name) for name in given.pop("runs")]
        study = study_create(StudyDraft(runs=runs, **given), created_by=self.researcher)
        return Response(_detail(study.name), status=status.HTTP_201_CREATED)


class StudyDetail(Endpoint):
    """One study."""

    @extend_schema(operation_id="studies_retrieve", responses={200: StudyDetailSerializer, 404: ErrorSerializer})
    def get(self, request: Request, name: str) -> Response:
        """Get one study with its declaration."""
        study_by_name(name)
        return Response(_detail(name))


class StudyOpen(Endpoint):
    """Opening."""

    @extend_schema(
        operation_id="studies_open",
        request=None,
        responses={200: StudyDetailSerializer, 202: StudyDetailSerializer, **REFUSED},
    )
    def post(self, request: Request, name: str) -> Response:
        """Open a study: draw the comparisons, prepare the images for raters, lock and hash the specification.

        200: the study is open. 202: it has many images, so a worker opens it; `status` and `opening` show the progress.
        """
        is_open = study_open_soon(study=study_by_name(name))
        return Response(_detail(name), status=status.HTTP_200_OK if is_open else status.HTTP_202_ACCEPTED)


class StudyClose(Endpoint):
    """Closing."""

    @extend_schema(operation_id="studies_close", request=None, responses={200: StudyDetailSerializer, **REFUSED})
    def post(self, request: Request, name: str) -> Response:
        """Close a study; it accepts no more ratings."""
        return Response(_detail(study_close(study=study_by_name(name)).name))


class StudyProgress(Endpoint):
    """How far a study is."""

    @extend_schema(operation_id="studies_progress", responses={200: StudyProgressSerializer, 404: ErrorSerializer})
    def get(self, request: Request, name: str) -> Response:
        """Get the numbers of raters and ratings, planned and present, in total and by panel."""
        return Response(StudyProgressSerializer(study_progress(study_by_name(name))).data)


class StudyInvitations(ListModelMixin, ListEndpoint):
    """A study's invitations."""

    serializer_class = InvitationSerializer
    queryset = Invitation.objects.none()

    def get_queryset(self) -> QuerySet[Invitation]:
        if getattr(self, "swagger_fake_view", False):
            return Invitation.objects.none()
        return study_by_name(self.kwargs["name"]).invitations.order_by("-created_at")

    @extend_schema(operation_id="studies_invitations_list")
    def get(self, request: Request, name: str) -> Response:
        """List the invitation links of a study."""
        return self.list(request)

    @extend_schema(
        operation_id="studies_invite", request=InvitationSerializer, responses={201: InvitationSerializer, **REFUSED}
    )
    def post(self, request: Request, name: str) -> Response:
        """Create an invitation link for raters."""
        given = data_of(InvitationSerializer(data=request.data))
        invitation = invitation_create(study=study_by_name(name), **given)
        return Response(InvitationSerializer(invitation).data, status=status.HTTP_201_CREATED)


class StudyResults(Endpoint):
    """A study's results."""

    @extend_schema(
        operation_id="studies_results",
        parameters=[
            OpenApiParameter(
                "estimand", str, description="What the default interval speaks for; default: raters_and_prompts"
            ),
            OpenApiParameter("level", float, description="Confidence level; default: 0.95"),
            OpenApiParameter("include_simulated", bool, description="Whether simulated ratings count; default: true"),
        ],
        responses={
            200: OpenApiResponse(
                OpenApiTypes.OBJECT, description="A drawbench-analysis/1 document, with the identity of its input"
            ),
            **REFUSED,
        },
    )
    def get(self, request: Request, name: str) -> Response:
        """Get the analysis of the ratings so far: shares and net shares with intervals, overall and by category."""
        report = report_make(study=study_by_name(name), settings=_settings(request))
        named = {
            "id": report.pk,
            "study": name,
            "specification_hash": report.study.specification_hash,
            "input_hash": report.input_hash,
            "settings": report.settings,
            "code_version": report.code_version,
            "as_of": report.as_of,
        }
        return Response({**report.results, "report": named})


class StudyRatings(Endpoint):
    """A study's ratings."""

    @extend_schema(
        operation_id="studies_ratings",
        parameters=[OpenApiParameter("as", str, enum=["csv", "parquet"], description="File format; default: csv")],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
            404: ErrorSerializer,
        },
    )
    def get(self, request: Request, name: str) -> HttpResponse:
        """Get the ratings as a file, without withdrawn ones; the column `simulated` marks simulated ratings."""
        suffix = request.query_params.get("as", "csv")
        if suffix not in ("csv", "parquet"):
            raise InputError(f'as must be "csv" or "parquet"; got "{suffix}".', field="as")
        study = study_by_name(name)
        return ratings_response(ratings_frame(study), name=f"{study.name}-ratings", suffix=suffix)


def _detail(name: str) -> dict[str, Any]:
    study = studies_listed().prefetch_related("study_runs__run").get(name=name)
    return dict(StudyDetailSerializer(study).data)


def _settings(request: Request) -> dict[str, object]:
    """The report's settings from the query string; unknown names are told by `report_make`."""
    settings: dict[str, object] = {name: value for name, value in request.query_params.items() if name != "format"}
    if "level" in settings:
        try:
            settings["level"] = float(str(settings["level"]))
        except ValueError:
            raise InputError(f"level must be a number, such as 0.95; got {settings['level']}.", field="level") from None
    if "include_simulated" in settings:
        said = str(settings["include_simulated"]).lower()
        if said not in ("true", "false", "1", "0"):
            raise InputError(f"include_simulated must be true or false; got {said}.", field="include_simulated")
        settings["include_simulated"] = said in ("true", "1")
    return settings
