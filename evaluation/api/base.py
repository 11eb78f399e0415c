"""What all endpoints share: what they take and in which form they answer, errors, pages of lists, who may call.

Signed-in researchers see and change all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.http import QueryDict
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotAcceptable
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.json_in import texts_of
from common.text import bad_character, refusal
from evaluation.api.errors import api_exception_handler
from evaluation.api.fields import Input, Query, Whole
from evaluation.api.negotiation import preferred
from evaluation.errors import InputError


class Pages(LimitOffsetPagination):
    """`?limit=` (more than 1000 gives 1000) and `?offset=`, as `PageQuery` has checked them."""

    default_limit = 100
    max_limit = 1000


class PageQuery(Query):
    """Which part of a list."""

    limit = Whole(
        required=False,
        min_value=1,
        help_text=f"Rows per page; default: {Pages.default_limit}, at most {Pages.max_limit}",
    )
    offset = Whole(required=False, help_text="Rows to skip; default: 0")


class Endpoint(APIView):
    """An endpoint for signed-in researchers, by token or by session.

    `query`: what its GET may be asked; `body`: what its POST takes. What is declared here is checked before the
    endpoint runs, and described (`evaluation.api.description`); everything else is refused by name. `chosen_by`: the
    parameter that names a form of the answer, where there are several.
    """

    query: ClassVar[type[Query]] = Query
    body: ClassVar[type[Input]] = Input
    chosen_by: ClassVar[str] = ""

    asked: dict[str, Any]
    """The checked parameters of the address."""

    given: dict[str, Any]
    """The checked body of a request that changes something."""

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return api_exception_handler

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check who calls, then what is asked and given."""
        super().initial(request, *args, **kwargs)
        if request.method in ("GET", "HEAD") and hasattr(self, "get"):
            self.asked = data_of(self.query(data=request.query_params))
        elif request.method == "POST" and hasattr(self, "post"):  # else 405 is the answer
            data_of(Query(data=request.query_params))
            refuse_characters(request)
            self.given = data_of(self.body(data=request.data, context={"request": request, "view": self}))

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """The form that the address names, or that `Accept` prefers. `force`: the first there is, where none fits."""
        renderers: Sequence[BaseRenderer] = self.get_renderers()
        named = request.query_params.get(self.chosen_by) if self.chosen_by else None
        chosen = next((each for each in renderers if each.format == named), None)
        if chosen is None:
            wanted = preferred(request.headers.get("Accept", ""), [each.media_type for each in renderers])
            chosen = next((each for each in renderers if each.media_type == wanted), None)
        if chosen is None and not force:
            offered = " or ".join(each.media_type for each in renderers)
            raise NotAcceptable(
                f"This address answers {offered}, which the request's Accept header excludes. Change it."
            )
        chosen = chosen or renderers[0]
        return chosen, chosen.media_type

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Errors are JSON whatever was asked for."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if getattr(answer, "exception", False):
            answer.accepted_renderer, answer.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return answer

    @property
    def researcher(self) -> User:
        """Who calls; permissions have made sure that somebody does."""
        user = self.request.user
        assert isinstance(user, User)
        return user


class ListEndpoint(Endpoint, GenericAPIView):
    """An endpoint that lists rows of `queryset` page by page."""

    query = PageQuery
    pagination_class = Pages


@extend_schema_serializer(component_name="Error")
class ErrorSerializer(serializers.Serializer[dict[str, object]]):
    """How errors are told."""

    detail = serializers.CharField(help_text="What is wrong, what is allowed and what to do next")
    field = serializers.CharField(allow_null=True, required=False, help_text="The field that caused the error")
    details = serializers.DictField(required=False, help_text="Facts for programs")
    errors = serializers.JSONField(  # type: ignore[assignment]  # a declared field is taken off the class
        required=False, help_text="All problems of the fields, by name, where any has the wrong form"
    )


def refuse_characters(request: Request) -> None:
    """The gate for text in a body, form or JSON, when it is known that the caller may send one.

    Raises:
        InputError: a character that may stand in no text; its field is named.
    """
    data = request.data
    for path, text in texts_of(dict(data.lists()) if isinstance(data, QueryDict) else data):
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
