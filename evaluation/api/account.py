"""Signing in: a name and password for a token."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.authentication import TokenAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle

from evaluation.api.base import Endpoint, ErrorSerializer
from evaluation.api.inputs import SignInInput
from evaluation.services.accounts.api_token import api_token_given


class SignInThrottle(AnonRateThrottle):
    """Guessing passwords is slow."""

    scope = "sign-in"
    rate = "10/min"


class TokenSignIn(Endpoint):
    """Sign in with a username and password to get a token."""

    throttle_classes = [SignInThrottle]
    authentication_classes = ()  # a stale token in the headers must not stand in the way
    permission_classes = [AllowAny]
    body = SignInInput

    def get_authenticate_header(self, request: Request) -> str:
        """Makes wrong credentials a 401."""
        return TokenAuthentication.keyword

    @extend_schema(
        operation_id="token_create",
        auth=[],
        request={"application/json": SignInInput, "application/x-www-form-urlencoded": SignInInput},
        responses={
            200: {"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]},
            401: OpenApiResponse(ErrorSerializer, description="Wrong username or password."),
        },
    )
    def post(self, request: Request) -> Response:
        """Sign in. Send the token in the header `Authorization: Token ...` of every request."""
        return Response({"token": api_token_given(user=self.given["user"])})
