"""Files in parts: what is larger than a part comes in piece by piece, and goes on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, cast
from uuid import UUID

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.api.base import Endpoint, data_of
from evaluation.api.file_inputs import IncomingFileInput, PartQuery
from evaluation.api.serializers import IncomingFileSerializer
from evaluation.errors import InputError
from evaluation.models import IncomingFile
from evaluation.selectors.incoming import incoming_by_key, incoming_of
from evaluation.services.store.incoming import incoming_add, incoming_expect, incoming_remove


class PartParser(BaseParser):
    """The bytes of a part as they are; one byte more than a part may have, where there are more."""

    media_type = "application/octet-stream"

    def parse(  # type: ignore[override]  # a parser may give anything; its types know forms and JSON
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> bytes:
        data: bytes = stream.read(settings.PART_MAX_BYTES + 1)
        return data


class FileList(Endpoint):
    """Your own files that are on their way in."""

    body = IncomingFileInput

    @extend_schema(operation_id="files_list", responses={200: IncomingFileSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """List your own files that are on their way in, newest first."""
        return Response(IncomingFileSerializer(incoming_of(self.researcher), many=True).data)

    @extend_schema(
        operation_id="files_create",
        responses={201: IncomingFileSerializer},
    )
    def post(self, request: Request) -> Response:
        """Announce a file. Send its parts next, then give its `key` as `file_key` to `uploads/` or `suites/`."""
        given = self.given
        file = incoming_expect(
            owner=self.researcher,
            file_name=given["file_name"],
            n_bytes=given["n_bytes"],
            sha256=given.get("sha256", ""),
        )
        return Response(IncomingFileSerializer(file).data, status=status.HTTP_201_CREATED)


class FileDetail(Endpoint):
    """One file of yours."""

    @extend_schema(operation_id="files_retrieve", responses={200: IncomingFileSerializer})
    def get(self, request: Request, key: UUID) -> Response:
        """Get how much of a file has come: go on at byte `n_received`."""
        return Response(IncomingFileSerializer(self._file(key)).data)

    @extend_schema(operation_id="files_destroy", responses={204: None})
    def delete(self, request: Request, key: UUID) -> Response:
        """Give a file up; what has come of it is deleted."""
        incoming_remove(file=self._file(key))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _file(self, key: UUID) -> IncomingFile:
        return incoming_by_key(self.researcher, key)


class FilePart(Endpoint):
    """A part of a file of yours."""

    parser_classes = [PartParser]

    @extend_schema(
        operation_id="files_part",
        parameters=[PartQuery],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={200: IncomingFileSerializer},
    )
    def put(self, request: Request, key: UUID) -> Response:
        """Send a part, of at most 8 MiB. A part that was sent before is compared and accepted again. 409 with
        `details.n_received` if bytes before it are missing, or if other bytes came before."""
        file = incoming_by_key(self.researcher, key)
        place = data_of(PartQuery(data=request.query_params))
        data = cast("object", request.data)  # bytes of the parser above
        if not isinstance(data, bytes):  # an empty body is not parsed
            raise InputError("The part is empty. Send its bytes as the body.", field="part")
        file = incoming_add(file=file, offset=place["offset"], data=data, sha256=place.get("sha256", ""))
        return Response(IncomingFileSerializer(file).data)
