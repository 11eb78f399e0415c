"""The description of the API: the OpenAPI document, and a page that reads it aloud.

The page is ours and plain: the usual viewers are programs of a megabyte whose controls lie in one another, which people
who use a keyboard or a screen reader can't work (WCAG 2.2, 4.1.2).
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from evaluation.api.base import Endpoint
from evaluation.api.description import PROBLEMS
from evaluation.api.inputs import SchemaQuery
from evaluation.api.negotiation import Html
from evaluation.api.reference import objects, operations


class Schema(Endpoint, SpectacularAPIView):
    """The OpenAPI document. It tells nothing that the source does not, so nobody need sign in."""

    query = SchemaQuery
    chosen_by = "format"
    permission_classes = [AllowAny]


@extend_schema(exclude=True)
class Docs(Endpoint):
    """The page."""

    renderer_classes = [Html]
    permission_classes = [AllowAny]

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """Which methods there are; a page has nothing to say of itself as data."""
        return HttpResponse(status=204, headers={"Allow": "GET, HEAD, OPTIONS"})

    def get(self, request: Request) -> HttpResponse:
        """The whole reference."""
        document = SchemaGenerator().get_schema(request=None, public=True)
        context = {"area": "documentation", "nouns": operations(document), "objects": objects(document)} | {
            "problems": PROBLEMS
        }
        return render(request._request, "documentation/api.html", context)
