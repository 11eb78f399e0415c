"""Signing in: a name and password for a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle

from evaluation.api.base import refuse_characters
from evaluation.api.errors import api_exception_handler
from evaluation.api.parsers import JSONParser


class SignInThrottle(AnonRateThrottle):
    """Guessing passwords is slow."""

    scope = "sign-in"
    rate = "10/min"


class TokenSignIn(ObtainAuthToken):
    """Sign in with a username and password to get a token."""

    throttle_classes = [SignInThrottle]
    parser_classes = (FormParser, MultiPartParser, JSONParser)
    authentication_classes = ()  # a stale token in the headers must not stand in the way

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return api_exception_handler

    @extend_schema(
        operation_id="token_create",
        auth=[],
        request=AuthTokenSerializer,
        responses={200: {"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]}},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Sign in. Send the token in the header `Authorization: Token ...` of every request."""
        refuse_characters(request)
        return super().post(request, *args, **kwargs)
