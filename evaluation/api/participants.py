"""Participants' data, on their request: all that is kept of one, and deleting it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import limits
from evaluation.api.base import Endpoint
from evaluation.api.fields import Input, Words
from evaluation.selectors.participants import participant_data, participants_named
from evaluation.selectors.studies import study_by_name
from evaluation.services.rating.erase import participant_erase


class ParticipantInput(Input):
    """Whose data is meant. In the body, so that no id stands in an address."""

    participant = Words(
        max_length=limits.PARTICIPANT,
        help_text="The recruitment site's id, or the rater's pseudonym from an export",
    )


class ParticipantExport(Endpoint):
    """All that is kept of one."""

    body = ParticipantInput

    @extend_schema(
        operation_id="studies_participants_export",
        responses=inline_serializer("ParticipantData", {"participants": serializers.ListField()}),
    )
    def post(self, request: Request, name: str) -> Response:
        """Get all that is kept of a participant: ids, times, what they said about themselves, every answer."""
        raters = participants_named(study_by_name(name), self.given["participant"])
        data: list[dict[str, Any]] = [participant_data(each) for each in raters]
        return Response({"participants": data})


class ParticipantDelete(Endpoint):
    """Deleting it."""

    body = ParticipantInput

    @extend_schema(
        operation_id="studies_participants_delete",
        responses=inline_serializer(
            "ParticipantDeleted", {"deleted": serializers.ListField(child=serializers.CharField())}
        ),
    )
    def post(self, request: Request, name: str) -> Response:
        """Delete the data of a participant: `deleted` has the pseudonyms. That they were there stays counted."""
        return Response({"deleted": participant_erase(study=study_by_name(name), who=self.given["participant"])})
