"""Studies: made, opened, watched, closed; their invitations, ratings and results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation import protocols
from evaluation.api.base import Endpoint, ListEndpoint
from evaluation.api.inputs import CloseInput, InvitationInput, LookQuery, RatingsQuery, ReportQuery, ResultsQuery
from evaluation.api.negotiation import Csv, Html, Parquet, Zip
from evaluation.api.serializers import (
    InvitationSerializer,
    StudyDetailSerializer,
    StudyProgressSerializer,
    StudySerializer,
)
from evaluation.api.study_inputs import StudyChangesInput, StudyCopyInput, StudyInput
from evaluation.errors import InputError
from evaluation.models import Invitation, Study
from evaluation.protocols.claims import read_claims
from evaluation.selectors.about import with_about
from evaluation.selectors.answers import answers_frame
from evaluation.selectors.overview import studies_listed
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.runs import run_by_name
from evaluation.selectors.studies import study_by_name, study_progress
from evaluation.services.reporting.make import report_make
from evaluation.services.store.incoming import incoming_whole
from evaluation.services.studies.care import read_flags
from evaluation.services.studies.change import draft_changed, draft_of, draft_version, study_change, study_delete
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import OtherCodes, invitation_create
from evaluation.services.studies.known import read_known
from evaluation.services.studies.looks import looks_counted, result_look
from evaluation.services.studies.open import study_close, study_pause
from evaluation.services.studies.open_or_queue import study_open_soon
from evaluation.views.researcher.kits import kit_response
from evaluation.views.researcher.report_file import html_response, report_html
from evaluation.views.researcher.reports import csv_response, report_tables
from evaluation.views.researcher.studies import ratings_response


class StudyList(ListModelMixin, ListEndpoint):
    """All studies, and creating one."""

    serializer_class = StudySerializer
    body = StudyInput

    def get_queryset(self) -> QuerySet[Study]:
        return studies_listed().prefetch_related("study_runs__run")

    @extend_schema(operation_id="studies_list")
    def get(self, request: Request) -> Response:
        """List the studies, newest first."""
        return self.list(request)

    @extend_schema(operation_id="studies_create", responses={201: StudyDetailSerializer})
    @transaction.atomic  # with a file that came in parts, which is used up by a draft that is made
    def post(self, request: Request) -> Response:
        """Create a study as a draft."""
        study = study_create(StudyDraft(**draft_fields(self.given, self.researcher)), created_by=self.researcher)
        return Response(_detail(study.name), status=status.HTTP_201_CREATED)


class StudyDetail(Endpoint):
    """One study."""

    @extend_schema(operation_id="studies_retrieve", responses=StudyDetailSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Get one study with its declaration."""
        study_by_name(name)
        return Response(_detail(name))

    @extend_schema(operation_id="studies_delete", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Delete a draft. An open study stays."""
        study_delete(study=study_by_name(name))
        return Response(status=status.HTTP_204_NO_CONTENT)


class StudyChange(Endpoint):
    """Editing."""

    body = StudyChangesInput

    @extend_schema(operation_id="studies_change", responses={200: StudyDetailSerializer})
    @transaction.atomic  # with a file that came in parts, which is used up by a draft that is made
    def post(self, request: Request, name: str) -> Response:
        """Change a draft: what is given here is otherwise from now on, all else stays."""
        study = study_by_name(name)
        given = dict(self.given)
        version = given.pop("version", "") or draft_version(study)
        draft = draft_changed(draft_of(study), draft_fields(given, self.researcher))
        return Response(_detail(study_change(study=study, draft=draft, version=version).name))


class StudyCopy(Endpoint):
    """Copying."""

    body = StudyCopyInput

    @extend_schema(operation_id="studies_copy", responses={201: StudyDetailSerializer})
    @transaction.atomic  # with a file that came in parts, which is used up by a draft that is made
    def post(self, request: Request, name: str) -> Response:
        """Create a draft like another study; its specification says in what it differs (`copied_from`)."""
        study = study_by_name(name)
        given = draft_fields(self.given, self.researcher)
        draft = draft_changed(replace(draft_of(study), title=""), {**given, "copied_from": study.name})
        made = study_create(draft, created_by=self.researcher)
        return Response(_detail(made.name), status=status.HTTP_201_CREATED)


class StudyOpen(Endpoint):
    """Opening."""

    @extend_schema(
        operation_id="studies_open",
        responses={200: StudyDetailSerializer, 202: StudyDetailSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        """Open a study: draw the comparisons, prepare the images for raters, lock the specification, make a first link.

        200: the study is open. 202: it has many images, so a worker opens it; `status` and `opening` show the progress.
        `invitations/` then lists the first link for raters; make more there.
        """
        is_open = study_open_soon(study=study_by_name(name))
        return Response(_detail(name), status=status.HTTP_200_OK if is_open else status.HTTP_202_ACCEPTED)


class StudyClose(Endpoint):
    """Closing."""

    body = CloseInput

    @extend_schema(operation_id="studies_close", responses={200: StudyDetailSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Close a study; it accepts no more ratings.

        409 while more raters are inside than `inside` says; `details` then has each of them, what they have done and
        how they are paid.
        """
        study = study_close(study=study_by_name(name), inside=self.given["inside"])
        return Response(_detail(study.name))


class StudyPause(Endpoint):
    """Pausing."""

    @extend_schema(operation_id="studies_pause", responses={200: StudyDetailSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Pause an open study: nobody joins, and raters get no further trial after the present one."""
        return Response(_detail(study_pause(study=study_by_name(name), paused=True).name))


class StudyResume(Endpoint):
    """Going on."""

    @extend_schema(operation_id="studies_resume", responses={200: StudyDetailSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Go on with a paused study."""
        return Response(_detail(study_pause(study=study_by_name(name), paused=False).name))


class StudyProgress(Endpoint):
    """How far a study is."""

    @extend_schema(operation_id="studies_progress", responses=StudyProgressSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Get the numbers of raters and ratings, planned and present, in total and by panel."""
        return Response(StudyProgressSerializer(study_progress(study_by_name(name))).data)


class StudyInvitations(ListModelMixin, ListEndpoint):
    """A study's invitations."""

    serializer_class = InvitationSerializer
    body = InvitationInput
    queryset = Invitation.objects.none()

    def get_queryset(self) -> QuerySet[Invitation]:
        if getattr(self, "swagger_fake_view", False):
            return Invitation.objects.none()
        return study_by_name(self.kwargs["name"]).invitations.order_by("-created_at")

    @extend_schema(operation_id="studies_invitations_list")
    def get(self, request: Request, name: str) -> Response:
        """List the invitation links of a study."""
        return self.list(request)

    @extend_schema(operation_id="studies_invite", responses={201: InvitationSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Create an invitation link for raters."""
        codes = {each.name: self.given[each.name] for each in fields(OtherCodes) if each.name in self.given}
        given = {key: value for key, value in self.given.items() if key not in codes}
        invitation = invitation_create(study=study_by_name(name), others=OtherCodes(**codes), **given)
        return Response(InvitationSerializer(invitation).data, status=status.HTTP_201_CREATED)


class StudyResults(Endpoint):
    """A study's results."""

    query = ReportQuery
    renderer_classes = [JSONRenderer, Csv, Html]

    @extend_schema(
        operation_id="studies_results",
        responses={
            (200, "application/json"): OpenApiResponse(
                OpenApiTypes.OBJECT, description="A drawbench-analysis/1 document, with the identity of its input"
            ),
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "text/html"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """Get the analysis of the ratings so far: shares and net shares with intervals, overall and by category.

        `answers` has what answers of other kinds say, and `further` screening, repeats and comments, where the protocol
        asks for them. With `Accept: text/csv`, the tables as one CSV file: of the pairs, or of the answers of other
        kinds where there are no pairs. With `Accept: text/html`, the whole report as one file; with `ratings=true` as
        well, it carries its ratings and computes itself again.
        """
        settings = dict(self.asked)
        study = study_by_name(name)
        as_page = isinstance(request.accepted_renderer, Html)
        carried = bool(settings.pop("ratings", False)) and as_page
        what = "ratings" if carried else "report"
        result_look(study=study, what=what, user=self.researcher, deliberate=bool(settings.pop("look", False)))
        report = report_make(study=study, settings=settings)
        if as_page:
            return html_response(report_html(report, with_ratings=carried), name=f"{name}-report-{report.pk}")
        if isinstance(request.accepted_renderer, Csv):
            return csv_response(report_tables(report), name=f"report-{report.pk}-table")
        named = {
            "id": report.pk,
            "study": name,
            "specification_hash": report.study.specification_hash,
            "input_hash": report.input_hash,
            "settings": report.settings,
            "code_version": report.code_version,
            "as_of": report.as_of,
            "looks_before_closing": looks_counted(study),
        }
        return Response({**report.results, "report": named})


class StudyRatings(Endpoint):
    """A study's ratings."""

    query = RatingsQuery
    renderer_classes = [Csv, Parquet]
    chosen_by = "as"

    @extend_schema(
        operation_id="studies_ratings",
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """Get the ratings as a file, without withdrawn ones; the column `simulated` marks simulated ratings."""
        study = study_by_name(name)
        look = bool(self.asked.get("look", False))
        result_look(study=study, what="ratings", user=self.researcher, deliberate=look)
        frame = with_about(ratings_frame(study), study, exported=True)
        return ratings_response(frame, name=f"{study.name}-ratings", suffix=request.accepted_renderer.format)


class StudyAnswers(Endpoint):
    """A study's answers that are no preferences."""

    query = LookQuery
    renderer_classes = [Csv]

    @extend_schema(operation_id="studies_answers", responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """Get the answers that a ratings file does not hold (scales, rankings, claims, words, points, reasons, texts,
        choices, and preferences that know "both bad") as a file, without withdrawn ones.
        """
        study = study_by_name(name)
        look = bool(self.asked.get("look", False))
        result_look(study=study, what="answers", user=self.researcher, deliberate=look)
        frame = with_about(answers_frame(study), study, exported=True)
        return ratings_response(frame, name=f"{study.name}-answers", suffix="csv")


class StudyPaperKit(Endpoint):
    """A study's paper kit."""

    query = ResultsQuery
    renderer_classes = [Zip]

    @extend_schema(operation_id="studies_paper_kit", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """Get what a paper needs of the report as of now, as one zip: LaTeX tables, vector figures, methods, BibTeX,
        the ratings and results with a codebook, HEDS 3.0 and the list of Otani et al. 409: there are no ratings yet.
        """
        settings = dict(self.asked)
        study = study_by_name(name)
        result_look(study=study, what="ratings", user=self.researcher, deliberate=bool(settings.pop("look", False)))
        return kit_response(report_make(study=study, settings=settings))


def draft_fields(given: Mapping[str, Any], researcher: User) -> dict[str, Any]:
    """The fields of a draft that a body gives.

    Raises:
        InputError: a run or a protocol is not there, or a file can't be read.
    """
    fields = dict(given)
    if "runs" in fields:
        fields["runs"] = [run_by_name(name) for name in fields["runs"]]
    if "reference" in fields:
        fields["reference"] = run_by_name(fields["reference"]) if fields["reference"] else None
    text = fields.pop("protocol_file", "")
    if text:
        with _refusals_of("protocol_file"):
            fields["protocol"] = protocols.load(text.encode(), "protocol_file")
    text, key = fields.pop("claims_file", ""), fields.pop("claims_key", None)
    if text:
        with _refusals_of("claims_file"):
            fields |= {"claims": read_claims(text.encode(), "claims_file"), "claims_source": "a file"}
    elif key:
        sent = incoming_whole(owner=researcher, key=UUID(key), field="claims_key")
        with sent as (file, path), _refusals_of("claims_key"):
            fields |= {"claims": read_claims(path.read_bytes(), file.file_name), "claims_source": file.file_name}
    text = fields.pop("qualification_file", "")
    if text:
        with _refusals_as("qualification_file"):
            fields["qualification"] = read_known(text.encode(), "qualification_file")
    if "flagged_file" in fields:
        fields["flagged"] = read_flags(fields.pop("flagged_file").encode(), "flagged_file")
    text = fields.pop("controls_file", "")
    if text:
        fields["controls"] = read_known(text.encode(), "controls_file")
    return fields


@contextmanager
def _refusals_as(field: str) -> Iterator[None]:
    """What is wrong with a table, as what is wrong with its field."""
    try:
        yield
    except InputError as error:
        raise InputError(error.message, field=field) from error


@contextmanager
def _refusals_of(field: str) -> Iterator[None]:
    """A file that can't be used, as what is wrong with its field."""
    try:
        yield
    except protocols.ProtocolError as error:
        raise InputError(str(error), field=field) from error


def _detail(name: str) -> dict[str, Any]:
    study = studies_listed().prefetch_related("study_runs__run").get(name=name)
    return dict(StudyDetailSerializer(study).data)
