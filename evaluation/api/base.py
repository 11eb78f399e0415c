"""What all endpoints share: error form, pages of lists, who may call. Signed-in researchers see and change all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.http import QueryDict
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.json_in import texts_of
from common.text import bad_character, refusal
from evaluation.api.errors import api_exception_handler
from evaluation.errors import InputError


class Pages(LimitOffsetPagination):
    """`?limit=` (at most 1000) and `?offset=`."""

    default_limit = 100
    max_limit = 1000


class Endpoint(APIView):
    """An endpoint for signed-in researchers, by token or by session."""

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return api_exception_handler

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in ("POST", "PUT", "PATCH") and request.method.lower() in dir(self):
            refuse_characters(request)

    @property
    def researcher(self) -> User:
        """Who calls; permissions have made sure that somebody does."""
        user = self.request.user
        assert isinstance(user, User)
        return user


class ListEndpoint(Endpoint, GenericAPIView):
    """An endpoint that lists rows of `queryset` page by page."""

    pagination_class = Pages


@extend_schema_serializer(component_name="Error")
class ErrorSerializer(serializers.Serializer[dict[str, object]]):
    """How errors are told."""

    detail = serializers.CharField(help_text="What is wrong, what is allowed and what to do next")
    field = serializers.CharField(allow_null=True, required=False, help_text="The field that caused the error")
    details = serializers.DictField(required=False, help_text="Details for programs")


def refuse_characters(request: Request) -> None:
    """The gate for text in a body, form or JSON, when it is known that the caller may send one.

    Raises:
        InputError: a character that may stand in no text; its field is named.
    """
    data = request.data
    lists = dict(data.lists()) if isinstance(data, QueryDict) else data
    for path, text in texts_of(lists):
        _refuse_character(path, text)
    for name, file in request.FILES.items():
        _refuse_character(name, file.name or "")


def _refuse_character(field: str, text: str) -> None:
    bad = bad_character(text, lines=True)
    if bad is not None:
        raise InputError(refusal(field or "the body", bad), field=field)


def data_of(serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    """The checked input of `serializer`.

    Raises:
        rest_framework.exceptions.ValidationError: it is not valid.
    """
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data
