"""Generators as the registry knows them."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.words import nearest
from evaluation.api.base import Endpoint
from evaluation.api.serializers import GeneratorSerializer
from evaluation.errors import NotFoundError
from generators import registry


class GeneratorList(Endpoint):
    """All generators."""

    @extend_schema(operation_id="generators_list", responses=GeneratorSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List all generators with their parameters; `error` says why one can't be used."""
        return Response(GeneratorSerializer(registry.entries(), many=True).data)


class GeneratorDetail(Endpoint):
    """One generator."""

    @extend_schema(operation_id="generators_retrieve", responses=GeneratorSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Get one generator with its parameters."""
        entries = {entry.name: entry for entry in registry.entries()}
        if name not in entries:
            hint = nearest(name, entries) or "."
            raise NotFoundError(
                f'Unknown generator "{name}"{hint} Generators: {", ".join(entries)}.', field="generator"
            )
        return Response(GeneratorSerializer(entries[name]).data)
