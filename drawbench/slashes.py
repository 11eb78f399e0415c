"""Addresses with a slash at the end, or without."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware
from django.urls import is_valid_path
from django.utils.http import escape_leading_slashes

API = "/api/"


class Slashes(CommonMiddleware):
    """Django's own middleware, but no request loses its body over a slash.

    Programs: an address of the API answers alike with its slash and without. Browsers: a page's other form is
    redirected to the right one, and by 308, with which a POST stays a POST; Django's 301 makes it a GET.
    """

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        """Give an address of the API its slash before anybody looks it up."""
        if request.path_info.startswith(API) and not request.path_info.endswith("/"):
            request.path_info += "/"
            request.path += "/"
        return super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Where nothing was found, lead to the other form, if that one is an address."""
        other = _other_form(request) if response.status_code == 404 else None
        if other is not None:
            return HttpResponsePermanentRedirect(other, preserve_request=request.method not in ("GET", "HEAD"))
        return super().process_response(request, response)

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        """Never by Django itself: `_other_form` knows both ways."""
        return False


def _other_form(request: HttpRequest) -> str | None:
    """The address with its slash instead of without, or the other way round; None unless only that one is known."""
    inner, has_slash = request.path_info, request.path_info.endswith("/")
    other = inner.rstrip("/") if has_slash else f"{inner}/"
    if is_valid_path(inner) or not is_valid_path(other):
        return None
    path, mark, query = request.get_full_path().partition("?")
    return escape_leading_slashes(f"{path.rstrip('/') if has_slash else f'{path}/'}{mark}{query}")
