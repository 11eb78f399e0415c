"""The reference page: Swagger UI from files that ship with it, under a policy that lets nothing else in."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.api.base import Endpoint
from evaluation.api.inputs import DocsQuery, SchemaQuery

POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""As everywhere, but for inline styles: Swagger UI's page has a few."""


class Schema(Endpoint, SpectacularAPIView):
    """The OpenAPI document. It tells nothing that the source does not, so nobody need sign in."""

    query = SchemaQuery
    chosen_by = "format"
    permission_classes = [AllowAny]


@extend_schema(exclude=True)
class Docs(Endpoint, SpectacularSwaggerSplitView):
    """The page. Its script comes from an address of its own, so that no inline script is needed."""

    query = DocsQuery
    url_name = "api:schema"
    permission_classes = [AllowAny]

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Which methods there are; the page's template has nothing to say of itself as data."""
        return HttpResponse(status=204, headers={"Allow": "GET, HEAD, OPTIONS"})

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)
        response["Content-Security-Policy"] = POLICY
        return response
