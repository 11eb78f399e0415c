"""Suites and their prompts."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiRequest, PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from common.words import nearest
from evaluation.api.base import Endpoint, ListEndpoint
from evaluation.api.file_inputs import SuiteFileInput, SuiteInput, SuiteKeyInput, SuiteKnownInput
from evaluation.api.inputs import PromptsQuery
from evaluation.api.parsers import JSONParser
from evaluation.api.serializers import PromptSerializer, SuiteDetailSerializer, SuiteLoadedSerializer, SuiteSerializer
from evaluation.errors import InputError, NotFoundError
from evaluation.models import Prompt, Suite
from evaluation.selectors.overview import suites_listed
from evaluation.services.suites.incoming import suite_source
from evaluation.services.suites.load import PUBLISHED, SuiteReading, suite_load
from evaluation.services.suites.manage import suite_delete
from evaluation.suites import BUNDLED

FILES = "text/csv, text/tab-separated-values, application/json, text/plain"
"""Media types of files of prompts. What is in a file is found from the file."""


class SuiteList(ListModelMixin, ListEndpoint):
    """All suites, and loading one."""

    serializer_class = SuiteSerializer
    body = SuiteInput
    parser_classes = [MultiPartParser, FormParser, JSONParser]

    def get_queryset(self) -> QuerySet[Suite]:
        return suites_listed()

    @extend_schema(operation_id="suites_list")
    def get(self, request: Request) -> Response:
        """List the suites, newest first."""
        return self.list(request)

    @extend_schema(
        operation_id="suites_load",
        request={
            "application/json": PolymorphicProxySerializer(
                component_name="SuiteJsonInput",
                serializers=[SuiteKnownInput, SuiteKeyInput],
                resource_type_field_name=None,
            ),
            "multipart/form-data": OpenApiRequest(SuiteFileInput, encoding={"file": {"contentType": FILES}}),
        },
        responses={201: SuiteLoadedSerializer, 200: SuiteLoadedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Load a suite by a known name, from a file of at most 8 MiB, or from a larger one that was sent in parts
        (`files/`). 200 instead of 201 if the same suite was loaded before."""
        given = self.given
        known = [PUBLISHED, *BUNDLED]
        if given.get("known") and given["known"] not in known:
            hint = nearest(given["known"], known) or "."
            raise NotFoundError(f'Unknown suite "{given["known"]}"{hint} Known: {", ".join(known)}.', field="known")
        file, file_key = given.get("file"), given.get("file_key")
        try:
            with suite_source(self.researcher, file=file, file_key=file_key and UUID(file_key)) as sent:
                loaded = suite_load(
                    source=given["known"] if sent is None else sent.data,
                    name=given.get("name", ""),
                    title=given.get("title", ""),
                    licence=given.get("licence", ""),
                    reading=SuiteReading(
                        file_name="" if sent is None else sent.file_name, source_format=given.get("source_format")
                    ),
                )
        except InputError as error:
            if error.field in ("source", "file"):
                error.field = "file" if file else "file_key" if file_key else "known"
            raise
        suite = suites_listed().get(pk=loaded.suite.pk)
        code = status.HTTP_201_CREATED if loaded.created else status.HTTP_200_OK
        suite.notes = list(loaded.notes)  # type: ignore[attr-defined]
        return Response(SuiteLoadedSerializer(suite).data, status=code)


class SuiteDetail(Endpoint):
    """One suite."""

    @extend_schema(operation_id="suites_retrieve", responses=SuiteDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Get one suite with its categories."""
        return Response(SuiteDetailSerializer(get_object_or_404(suites_listed(), pk=pk)).data)

    @extend_schema(operation_id="suites_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a suite that nothing uses, with its prompts."""
        suite_delete(suite=get_object_or_404(Suite, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SuitePrompts(ListModelMixin, ListEndpoint):
    """The prompts of a suite."""

    serializer_class = PromptSerializer
    query = PromptsQuery
    queryset = Prompt.objects.none()

    def get_queryset(self) -> QuerySet[Prompt]:
        if getattr(self, "swagger_fake_view", False):
            return Prompt.objects.none()
        prompts = get_object_or_404(Suite, pk=self.kwargs["pk"]).prompts.order_by("number")
        category = self.asked.get("category")
        return prompts if category is None else prompts.filter(category=category)

    @extend_schema(operation_id="suites_prompts_list")
    def get(self, request: Request, pk: int) -> Response:
        """List a suite's prompts in its order."""
        return self.list(request)
