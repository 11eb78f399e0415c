"""Uploads: a zip of images becomes a run, in the steps of the page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.api.base import Endpoint, ErrorSerializer, Pages, data_of
from evaluation.api.serializers import (
    RunSerializer,
    UploadCreateSerializer,
    UploadOptionsSerializer,
    UploadRowSerializer,
    UploadSerializer,
)
from evaluation.selectors.suites import suite_by_name
from evaluation.selectors.uploads import upload_by_key
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.drop import upload_drop
from evaluation.services.uploads.match import upload_match
from evaluation.services.uploads.receive import upload_check_queue, upload_receive

REFUSED = {400: ErrorSerializer, 404: ErrorSerializer, 409: ErrorSerializer}


class UploadList(Endpoint):
    """Sending a zip."""

    parser_classes = [MultiPartParser, FormParser, JSONParser]

    @extend_schema(
        operation_id="uploads_create",
        request={"multipart/form-data": UploadCreateSerializer, "application/json": UploadCreateSerializer},
        responses={201: UploadSerializer, **REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Upload a zip of images: one of at most 8 MiB as `file`, a larger one in parts (`files/`) and then by
        `file_key`. A worker checks it; follow its `status`."""
        given = data_of(UploadCreateSerializer(data=request.data))
        upload = upload_receive(
            suite=suite_by_name(given["suite"]),
            run_name=given["run_name"],
            generator=given["generator"],
            source=given.get("file_key") or given["file"],
            file_name=given["file"].name if given.get("file") else "",
            created_by=self.researcher,
        )
        upload_check_queue(upload=upload)
        return Response(UploadSerializer(upload_by_key(upload.key)).data, status=status.HTTP_201_CREATED)


class UploadDetail(Endpoint):
    """One upload."""

    @extend_schema(operation_id="uploads_retrieve", responses={200: UploadSerializer, 404: ErrorSerializer})
    def get(self, request: Request, key: UUID) -> Response:
        """Get an upload's progress, and the summary of its files."""
        return Response(UploadSerializer(upload_by_key(key)).data)


class UploadTable(Endpoint):
    """An upload's table."""

    @extend_schema(
        operation_id="uploads_table",
        parameters=[
            OpenApiParameter("problems", bool, description="Only files with problems"),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int),
        ],
        responses={200: UploadRowSerializer(many=True), 404: ErrorSerializer},
    )
    def get(self, request: Request, key: UUID) -> Response:
        """List the files, each with the prompt that it shows."""
        rows = upload_by_key(key).table
        if request.query_params.get("problems", "").lower() in ("true", "1"):
            rows = [row for row in rows if row["problem"]]
        pages = Pages()
        shown: list[dict[str, Any]] = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([UploadRowSerializer(row).data for row in shown])


class UploadMatch(Endpoint):
    """The table, read in another way."""

    @extend_schema(
        operation_id="uploads_match", request=UploadOptionsSerializer, responses={200: UploadSerializer, **REFUSED}
    )
    def post(self, request: Request, key: UUID) -> Response:
        """Match the files again with other options, such as the answer to a question in `summary`."""
        options = data_of(UploadOptionsSerializer(data=request.data))
        return Response(UploadSerializer(upload_match(upload=upload_by_key(key), options=options)).data)


class UploadConfirm(Endpoint):
    """The end of an upload."""

    @extend_schema(
        operation_id="uploads_confirm", request=UploadOptionsSerializer, responses={200: RunSerializer, **REFUSED}
    )
    def post(self, request: Request, key: UUID) -> Response:
        """Store the images as a run. Confirming twice gives the same run."""
        options = data_of(UploadOptionsSerializer(data=request.data))
        return Response(RunSerializer(upload_confirm(upload=upload_by_key(key), options=options)).data)


class UploadDrop(Endpoint):
    """Giving up."""

    @extend_schema(operation_id="uploads_drop", request=None, responses={200: UploadSerializer, **REFUSED})
    def post(self, request: Request, key: UUID) -> Response:
        """Discard an upload; its files are deleted."""
        return Response(UploadSerializer(upload_drop(upload=upload_by_key(key))).data)
