"""Signing in: a name and password for a token."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.api.base import Endpoint, ErrorSerializer
from evaluation.api.inputs import SignInInput
from evaluation.api.throttles import StrangerThrottle
from evaluation.client import from_another_site
from evaluation.services.accounts.api_token import api_token_given


class TokenSignIn(Endpoint):
    """Sign in with a username and password to get a token."""

    throttle_classes = [StrangerThrottle]  # `evaluation.sign_in` limits guessing, as everywhere
    authentication_classes = ()  # a stale token in the headers must not stand in the way
    permission_classes = [AllowAny]
    body = SignInInput

    def get_authenticate_header(self, request: Request) -> str:
        """Makes wrong credentials a 401."""
        return TokenAuthentication.keyword

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Without a session Django asks no token against forged requests, and any site could try passwords in a
        browser."""
        if from_another_site(request):
            raise PermissionDenied(
                "A page of another site can't sign in here. Send it from a program, or from a page of this server."
            )
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="token_create",
        auth=[],
        request={"application/json": SignInInput, "application/x-www-form-urlencoded": SignInInput},
        responses={
            200: {"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]},
            401: OpenApiResponse(ErrorSerializer, description="Wrong username or password."),
            403: OpenApiResponse(ErrorSerializer, description="From a page of another site."),
        },
    )
    def post(self, request: Request) -> Response:
        """Sign in. Send the token in the header `Authorization: Token ...` of every request."""
        return Response({"token": api_token_given(user=self.given["user"])})
