"""Uploads: a zip of images becomes a run, in the steps of the page."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiRequest, extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.api.base import Endpoint, ListEndpoint
from evaluation.api.file_inputs import UploadFileInput, UploadInput, UploadKeyInput
from evaluation.api.inputs import UploadOptionsInput, UploadTableQuery
from evaluation.api.parsers import JSONParser
from evaluation.api.serializers import RunSerializer, UploadRowSerializer, UploadSerializer
from evaluation.declared import DECLARED
from evaluation.errors import InputError
from evaluation.models import Upload
from evaluation.selectors.suites import suite_by_name
from evaluation.selectors.uploads import upload_by_key
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.drop import upload_drop
from evaluation.services.uploads.match import upload_match
from evaluation.services.uploads.receive import upload_check_queue, upload_receive

ZIP = "application/zip, application/x-zip-compressed"


class UploadList(ListModelMixin, ListEndpoint):
    """All uploads, and sending a zip."""

    serializer_class = UploadSerializer
    parser_classes = [MultiPartParser, FormParser, JSONParser]
    body = UploadInput

    def get_queryset(self) -> QuerySet[Upload]:
        return Upload.objects.select_related("suite").defer("table").order_by("-created_at", "-pk")

    @extend_schema(operation_id="uploads_list")
    def get(self, request: Request) -> Response:
        """List the uploads, newest first: those under way and those over."""
        return self.list(request)

    @extend_schema(
        operation_id="uploads_create",
        request={
            "multipart/form-data": OpenApiRequest(UploadFileInput, encoding={"file": {"contentType": ZIP}}),
            "application/json": UploadKeyInput,
        },
        responses={201: UploadSerializer},
    )
    def post(self, request: Request) -> Response:
        """Upload a zip of images: one of at most 8 MiB as `file`, a larger one in parts (`files/`) and then by
        `file_key`. A worker checks it; follow its `status`."""
        given = self.given
        file = given.get("file")
        try:
            upload = upload_receive(
                suite=suite_by_name(given["suite"]),
                run_name=given["run_name"],
                generator=given["generator"],
                source=file or UUID(given["file_key"]),
                file_name=file.name if file else "",
                created_by=self.researcher,
                declared={name: given[name] for name in DECLARED if name in given},
            )
        except InputError as error:
            if error.field in ("source", "file_key"):
                error.field = "file" if file else "file_key"
            raise
        upload_check_queue(upload=upload)
        return Response(UploadSerializer(upload_by_key(upload.key)).data, status=status.HTTP_201_CREATED)


class UploadDetail(Endpoint):
    """One upload."""

    @extend_schema(operation_id="uploads_retrieve", responses=UploadSerializer)
    def get(self, request: Request, key: UUID) -> Response:
        """Get an upload's progress, and the summary of its files."""
        return Response(UploadSerializer(upload_by_key(key)).data)


class UploadTable(ListEndpoint):
    """An upload's table."""

    query = UploadTableQuery

    @extend_schema(operation_id="uploads_table", responses=UploadRowSerializer(many=True))
    def get(self, request: Request, key: UUID) -> Response:
        """List the files, each with the prompt that it shows."""
        rows = upload_by_key(key).table
        if self.asked["problems"]:
            rows = [row for row in rows if row["problem"]]
        shown = self.paginate_queryset(rows) or []
        return self.get_paginated_response([UploadRowSerializer(row).data for row in shown])


class UploadMatch(Endpoint):
    """The table, read in another way."""

    body = UploadOptionsInput

    @extend_schema(operation_id="uploads_match", responses={200: UploadSerializer})
    def post(self, request: Request, key: UUID) -> Response:
        """Match the files again with other options, such as the answer to a question in `summary`."""
        return Response(UploadSerializer(upload_match(upload=upload_by_key(key), options=self.given)).data)


class UploadConfirm(Endpoint):
    """The end of an upload."""

    body = UploadOptionsInput

    @extend_schema(operation_id="uploads_confirm", responses={200: RunSerializer})
    def post(self, request: Request, key: UUID) -> Response:
        """Store the images as a run. Confirming twice gives the same run."""
        return Response(RunSerializer(upload_confirm(upload=upload_by_key(key), options=self.given)).data)


class UploadDrop(Endpoint):
    """Giving up."""

    @extend_schema(operation_id="uploads_drop", responses={200: UploadSerializer})
    def post(self, request: Request, key: UUID) -> Response:
        """Discard an upload; its files are deleted."""
        return Response(UploadSerializer(upload_drop(upload=upload_by_key(key))).data)
