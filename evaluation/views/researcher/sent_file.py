"""Forms with a file: chosen in the browser and small, or sent in parts by the form's script (site/upload.js) before the
form itself. The script asks for JSON: where to go on, or what is wrong with which field."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

SCRIPT = "application/json"


class FileKeyField(forms.UUIDField):
    """The key of a file that came in parts; the form's script fills it in."""

    def __init__(self) -> None:
        super().__init__(required=False, widget=forms.HiddenInput(attrs={"autocomplete": "off"}))


def go_on(request: HttpRequest, address: str) -> HttpResponse:
    """The form did what it is for; `address` shows it."""
    if request.headers.get("Accept") == SCRIPT:
        return JsonResponse({"address": address}, status=201)
    return redirect(address)


def errors_for_script(request: HttpRequest, form: forms.Form) -> HttpResponse | None:
    """What is wrong with `form`, where its script asks; None where a page is to say it, or nothing is wrong."""
    if request.headers.get("Accept") != SCRIPT or not form.errors:
        return None
    fields = {"__all__": "", "file_key": "file"}
    errors = {fields.get(name, name): list(messages) for name, messages in form.errors.items()}
    return JsonResponse({"errors": errors}, status=422)
