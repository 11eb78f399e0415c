"""Signing in: a name and password for a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.api.errors import api_exception_handler
from evaluation.api.throttles import StrangerThrottle
from evaluation.client import from_another_site


class TokenSignIn(ObtainAuthToken):
    """Sign in with a username and password to get a token."""

    throttle_classes = [StrangerThrottle]  # `evaluation.sign_in` limits guessing, as everywhere
    authentication_classes = ()  # a stale token in the headers must not stand in the way

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Without a session Django asks no token against forged requests, and any site could try passwords in a browser.
        if from_another_site(request):
            raise PermissionDenied(
                "A page of another site can't sign in here. Send it from a program, or from a page of this server."
            )

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
        return super().post(request, *args, **kwargs)
