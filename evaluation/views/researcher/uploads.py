"""Uploads: a researcher's own images, from what is dropped on a page to a run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from common import limits
from evaluation.errors import InputError
from evaluation.models import Suite, Upload
from evaluation.selectors.list_shapes import uploads_shape
from evaluation.selectors.overview import suites_listed
from evaluation.selectors.uploads import prompt_texts, upload_summary
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.drop import upload_drop
from evaluation.services.uploads.match import MATCHING, SWITCHES, upload_match
from evaluation.services.uploads.receive import upload_check_queue, upload_receive
from evaluation.services.uploads.staged import staged_small
from evaluation.views.researcher.declaration import DeclarationForm
from evaluation.views.researcher.images import sent_inline
from evaluation.views.researcher.lists import shown_list
from evaluation.views.researcher.pages import (
    ResearcherRequest,
    act,
    add_input_error,
    form_page,
    page,
    page_of,
    tell,
)
from evaluation.views.researcher.run_form import SuiteChoice
from evaluation.views.researcher.sent_file import FileKeyField, errors_for_script, go_on

ROWS_A_PAGE = 200
MISSING_SHOWN = 10
WAYS = {
    "layout": "Layout",
    "numbering": "Prompt numbers",
    "sample_numbering": "Sample numbers",
    "captions": "Captions beside or in the images",
    "order": "Order of the prompts",
}
"""What the page calls the options that say how names are read."""

CHOICES = {
    "from_zero": "from 0",
    "from_one": "from 1",
    "texts": "they are texts of prompts",
    "use": "they are prompts",
    "ignore": "they are only descriptions",
    "suite": "the suite's",
    "list": "those of the list beside the images",
    "counter": "the number is the prompt's",
    "prompt/sample": "the folder is the prompt, the file the sample",
    "sample/prompt": "the folder is the sample, the file the prompt",
    "prompt_sample": "first the prompt, then the sample",
    "sample_prompt": "first the sample, then the prompt",
    "prompt": "each file is a prompt, one image each",
    "count_seed_prompt": "the words behind the numbers are the prompt's text",
    "within": "yes, read what is left of the names",
}
"""What the page calls the answers to questions."""

UNDER_WAY = (Upload.Status.RECEIVED, Upload.Status.CHECKING, Upload.Status.STORING)


class UploadForm(DeclarationForm):
    """An archive of images, and what it shows."""

    field_order = ("suite", "run_name", "generator")
    suite = SuiteChoice(Suite.objects.none(), label="Suite", empty_label=None)
    run_name = forms.CharField(label="Run name", max_length=limits.RUN_NAME)
    generator = forms.CharField(
        label="Generator",
        max_length=limits.GENERATOR,
        help_text="The name that reports use, such as imagen or dall-e-2.",
    )
    file = forms.FileField(label="Images", required=False)
    file_key = FileKeyField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        suite = self.fields["suite"]
        assert isinstance(suite, forms.ModelChoiceField)
        suite.queryset = suites_listed().filter(archived_at__isnull=True)

    def clean(self) -> dict[str, Any]:
        """Either a small file itself, or one that came in parts."""
        given = super().clean() or {}
        if "file" not in self.errors and bool(given.get("file")) == bool(given.get("file_key")):
            self.add_error("file", "Choose a folder of images, or an archive.")
        return given


@page("GET", "POST")
def new_upload(request: ResearcherRequest) -> HttpResponseBase:
    """The page that images are dropped on. Its script asks for JSON, to show the progress of the sending."""
    posted = (request.POST, request.FILES) if request.method == "POST" else ()
    form = UploadForm(*posted, initial={"suite": request.GET.get("suite")})
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            upload = upload_receive(
                suite=values["suite"],
                run_name=values["run_name"],
                generator=values["generator"],
                source=values["file_key"] or values["file"],
                file_name=values["file"].name if values["file"] else "",
                created_by=request.user,
                declared=values["declared"],
            )
            upload_check_queue(upload=upload)
        except InputError as error:
            fields = {"name": "run_name", "source": "file", "file_key": "file"}
            add_input_error(form, error, field=fields.get(error.field))
        else:
            return go_on(request, reverse("researcher:upload", args=[upload.key]))
    context = {"area": "runs", "most": settings.UPLOAD_MAX_BYTES, "has_suites": Suite.objects.exists()}
    return errors_for_script(request, form) or form_page(request, "researcher/upload_new.html", form, context)


@page("GET")
def uploads(request: ResearcherRequest) -> HttpResponseBase:
    """All uploads, those under way and those over."""
    rows = Upload.objects.select_related("suite", "run").defer("table")
    shown = shown_list(request, rows, uploads_shape(), size=25)
    return render(request, "researcher/uploads.html", {"area": "runs", "list": shown, "page": shown.page})


@page("GET")
def upload(request: ResearcherRequest, key: UUID) -> HttpResponseBase:
    """One upload: being checked, or its table to confirm."""
    return _upload_page(request, _upload(key))


@page("GET")
def upload_state(request: ResearcherRequest, key: UUID) -> HttpResponseBase:
    """How far an upload is, as a part of its page that htmx fetches; when it waits for people, the page is reloaded."""
    found = _upload(key)
    response = render(
        request, "researcher/_upload_state.html", {"upload": found, "under_way": found.status in UNDER_WAY}
    )
    if found.status not in UNDER_WAY:
        response["HX-Refresh"] = "true"
    return response


@page("POST", form_at="researcher:upload")
def match(request: ResearcherRequest, key: UUID) -> HttpResponseBase:
    """Read the files' names in another way."""
    found = _upload(key)
    return act(
        request,
        lambda: upload_match(upload=found, options=_options(request)),
        done="The files were matched again.",
        back=reverse("researcher:upload", args=[found.key]),
    )


@page("POST", form_at="researcher:upload")
def fix(request: ResearcherRequest, key: UUID) -> HttpResponseBase:
    """Put one file right: move it to another prompt or sample, leave it out, or read it by its name again."""
    found = _upload(key)
    edit: dict[str, object] = {"file": request.POST.get("file", "")}
    if "leave_out" in request.POST:
        edit["leave_out"] = True
    elif "move" in request.POST:
        edit |= {"prompt": request.POST.get("prompt", ""), "sample": request.POST.get("sample", "")}
    return act(
        request,
        lambda: upload_match(upload=found, options={"edits": [edit]}),
        done="The file was put right, and the table was made again.",
        back=reverse("researcher:upload", args=[found.key]),
    )


@page("GET")
def staged_thumbnail(request: ResearcherRequest, key: UUID, sha256: str) -> HttpResponseBase:
    """An image of an upload that is not stored yet, small."""
    data = staged_small(_upload(key), sha256)
    if data is None:
        raise Http404
    return sent_inline(HttpResponse(data, content_type="image/webp"))


@page("POST", form_at="researcher:upload")
def confirm(request: ResearcherRequest, key: UUID) -> HttpResponseBase:
    """Store the images as the table says: the upload becomes a run."""
    found = _upload(key)
    try:
        run = upload_confirm(upload=found, options=_options(request))
    except InputError as error:
        tell(request, error)
        return redirect("researcher:upload", key=found.key)
    messages.success(request, f'Saved as run "{run.name}".')
    return redirect("researcher:run", pk=run.pk)


def _options(request: ResearcherRequest) -> dict[str, object]:
    """What the table's form says. A box that is not ticked means no."""
    options: dict[str, object] = {
        name: value for name, value in request.POST.items() if name in (*MATCHING, "samples") and value
    }
    return options | {name: name in request.POST for name in SWITCHES}


@page("POST", form_at="researcher:upload")
def drop(request: ResearcherRequest, key: UUID) -> HttpResponseBase:
    """Give an upload up."""
    found = _upload(key)
    return act(
        request,
        lambda: upload_drop(upload=found),
        done="The upload was discarded and its files were deleted.",
        back=reverse("researcher:runs"),
    )


def _upload(key: UUID) -> Upload:
    return get_object_or_404(Upload.objects.select_related("suite", "run", "created_by"), key=key)


def _upload_page(request: ResearcherRequest, upload: Upload) -> HttpResponse:
    rows: list[dict[str, Any]] = upload.table
    summary = upload_summary(upload)
    only_problems = "problems" in request.GET and bool(summary.problems)
    shown = [row for row in rows if row["problem"]]  # they come first: they are what is to be put right
    shown += [] if only_problems else [row for row in rows if not row["problem"]]
    shown_page = page_of(request, shown, size=ROWS_A_PAGE)
    asked = {question.option for question in summary.questions}
    context = {
        "area": "runs",
        "upload": upload,
        "under_way": upload.status in UNDER_WAY,
        "summary": summary,
        "n_prompts": len({row["prompt_id"] for row in rows if not row["problem"]}),
        "missing": list(summary.missing.items())[:MISSING_SHOWN],
        "missing_texts": prompt_texts(upload.suite, list(summary.missing)[:MISSING_SHOWN]),
        "more_missing": max(0, len(summary.missing) - MISSING_SHOWN),
        "ways": [
            (
                name,
                WAYS[name],
                [(value, value.replace("_", " ")) for value in values],
                upload.options.get(name, values[0]),
            )
            for name, values in MATCHING.items()
            if name not in asked
        ],
        "page": shown_page,
        "texts": prompt_texts(upload.suite, [str(row["prompt_id"]) for row in shown_page if row["prompt_id"]]),
        "asked": [question.text for question in summary.questions],
        "words": CHOICES,
        "only_problems": only_problems,
        "keep": "problems&" if only_problems else "",
    }
    return render(request, "researcher/upload.html", context)
