"""Going on on another device: a page that gives a code, and one that takes it."""

from __future__ import annotations

import segno
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from evaluation.client import client_counted
from evaluation.doors import DEVICE_CODES, DEVICE_CODES_ASKED
from evaluation.services.rating.device import MINUTES, device_code_create, device_enrol
from evaluation.services.rating.errors import RaterError
from evaluation.views.rater.cookie import browser_keys, keep_keys
from evaluation.views.rater.pages import in_words, no_session_page, rater_of, refused

LONGEST_CODE = 40


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_words
def device(request: HttpRequest) -> HttpResponse:
    """The device where a rater began: says how it works, and makes a code."""
    rater = rater_of(request)
    if rater is None:
        return no_session_page(request)
    context: dict[str, object] = {"minutes": MINUTES, "address": _address()}
    if request.method == "POST":
        DEVICE_CODES_ASKED.knock(request, str(rater.key))
        try:
            code = device_code_create(rater=rater)
        except RaterError as error:
            return refused(request, error)
        context |= {"code": code, "qr": _qr(f"{_address()}#{code}")}
    return render(request, "rater/device.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_words
def go_on(request: HttpRequest) -> HttpResponse:
    """The other device: takes the code. Opening the address uses nothing up, since messengers look at links too."""
    if request.method != "POST":
        return render(request, "rater/continue.html")
    address = client_counted(request)
    DEVICE_CODES.knock(request, address)
    try:
        enrolled = device_enrol(code=request.POST.get("code", "")[:LONGEST_CODE])
    except RaterError as error:
        if error.code != "code":
            DEVICE_CODES.forget(address)
            return refused(request, error)
        return render(request, "rater/continue.html", {"error": error.message}, status=error.status)
    DEVICE_CODES.forget(address)
    response = redirect("rater:trials")
    keep_keys(response, [enrolled.session_key, *browser_keys(request)])
    return response


def _address() -> str:
    return f"{settings.PUBLIC_URL}{reverse('rater:continue')}"


def _qr(address: str) -> SafeString:
    """An SVG element. Its text is ours alone: an address of the settings and a code of ours."""
    drawn = segno.make(address, micro=False, error="m").svg_inline(omitsize=True, svgclass="qr", lineclass=None)
    return mark_safe(drawn)
