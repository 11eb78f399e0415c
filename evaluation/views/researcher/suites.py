"""Suites: the list, one suite with its prompts, and loading."""

from __future__ import annotations

from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from common import limits
from evaluation.errors import InputError
from evaluation.models import Suite
from evaluation.selectors.list_shapes import suites_shape
from evaluation.selectors.overview import suite_categories, suites_listed
from evaluation.services.suites.incoming import suite_source
from evaluation.services.suites.load import PUBLISHED, SuiteReading, suite_load
from evaluation.suites import BUNDLED, FORMATS
from evaluation.views.researcher.lists import shown_list
from evaluation.views.researcher.pages import ResearcherRequest, add_input_error, form_page, page, page_of
from evaluation.views.researcher.plain_form import PlainForm
from evaluation.views.researcher.sent_file import FileKeyField, errors_for_script, go_on

PROMPTS_A_PAGE = 100


class SuiteForm(PlainForm):
    """A suite by a known name, or from a file."""

    known = forms.ChoiceField(
        label="Known suite",
        required=False,
        choices=[
            ("", "None: I have a file"),
            *((name, f"{name}: included with this program") for name in BUNDLED),
            (PUBLISHED, f"{PUBLISHED}: the published DrawBench, downloaded from its publishers"),
        ],
    )
    file = forms.FileField(
        label="File",
        required=False,
        help_text="CSV, TSV or Excel (xlsx) with a prompt column, JSONL, JSON, Parquet, or text with one prompt per "
        "line; files of known benchmarks as they are.",
    )
    file_key = FileKeyField()
    source_format = forms.ChoiceField(
        label="File format",
        required=False,
        choices=[("", "Detect automatically"), *((name, name) for name in FORMATS)],
    )
    name = forms.CharField(
        label="Name",
        required=False,
        max_length=limits.SUITE_NAME,
        help_text="Letters, digits, - and _. If empty: the file's name.",
    )
    licence = forms.CharField(label="Licence", required=False, max_length=limits.LICENCE)

    def clean(self) -> dict[str, object]:
        """Exactly one source."""
        given = super().clean() or {}
        sources = [bool(given.get(name)) for name in ("known", "file", "file_key")]
        if "file" not in self.errors and sources.count(True) != 1:
            raise forms.ValidationError("Choose either a known suite or a file.")
        return given


@page("GET", "POST")
def suites(request: ResearcherRequest) -> HttpResponseBase:
    """All suites, and the form that loads one."""
    form = SuiteForm(request.POST, request.FILES) if request.method == "POST" else SuiteForm()
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with suite_source(request.user, file=given["file"], file_key=given["file_key"]) as sent:
                loaded = suite_load(
                    source=given["known"] if sent is None else sent.data,
                    name=given["name"],
                    licence=given["licence"],
                    reading=SuiteReading(
                        file_name="" if sent is None else sent.file_name,
                        source_format=given["source_format"] or None,
                    ),
                )
        except InputError as error:
            add_input_error(form, error, field=error.field if error.field in form.fields else _source(form))
        else:
            if loaded.created:
                messages.success(request, f"Loaded {loaded.suite}.")
            else:
                messages.info(request, f"{loaded.suite} was loaded before: same prompts, categories and attributes.")
            for note in loaded.notes:
                messages.info(request, note)
            return go_on(request, reverse("researcher:suite", args=[loaded.suite.pk]))
    shown = shown_list(request, suites_listed(), suites_shape(), size=50)
    context: dict[str, object] = {"area": "suites", "list": shown, "page": shown.page}
    return errors_for_script(request, form) or form_page(request, "researcher/suites.html", form, context)


def _source(form: SuiteForm) -> str:
    return "known" if form.cleaned_data["known"] else "file"


@page("GET")
def suite(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """One suite: its identity, its categories, its prompts."""
    found = get_object_or_404(Suite, pk=pk)
    categories = suite_categories(found)
    chosen = request.GET.get("category", "")
    prompts = found.prompts.order_by("number")
    if chosen in dict(categories) and "category" in request.GET:
        prompts = prompts.filter(category=chosen)
    else:
        chosen = ""
    return render(
        request,
        "researcher/suite.html",
        {
            "area": "suites",
            "suite": found,
            "categories": categories,
            "n_prompts": sum(n for _, n in categories),
            "chosen": chosen,
            "keep": f"{urlencode({'category': chosen})}&" if chosen else "",
            "page": page_of(request, prompts, size=PROMPTS_A_PAGE),
            "runs": found.runs.order_by("-created_at")[:20],
        },
    )
