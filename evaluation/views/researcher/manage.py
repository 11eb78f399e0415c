"""Suites, runs and studies archived, renamed and deleted, on a page that says first what would be lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from common import limits
from evaluation.errors import InputError
from evaluation.models import GenerationRun, StudyStatus, Suite
from evaluation.selectors.studies import study_by_name
from evaluation.selectors.uses import Uses, run_uses, study_uses, suite_uses
from evaluation.services.runs.manage import run_archive, run_declare, run_delete, run_rename
from evaluation.services.studies.change import study_delete
from evaluation.services.studies.manage import study_archive, study_rename
from evaluation.services.suites.manage import suite_archive, suite_delete, suite_rename
from evaluation.views.researcher.declaration import DeclarationForm, declared_initially
from evaluation.views.researcher.pages import ResearcherRequest, add_input_error, form_page, page
from evaluation.views.researcher.plain_form import PlainForm


class RenameForm(PlainForm):
    """Another name."""

    name = forms.CharField(label="New name", max_length=limits.TITLE, required=False)


@dataclass(frozen=True, slots=True)
class Managed:
    """A thing, and what may be done with it. `called`: its kind and name. `back`, `listed`: its page, and its list.

    `renames`: how the field of its name is called, "" where it can't be renamed. `deletes`: whether it can go.
    `declared`: what the form of its declaration shows, None where nothing can be declared of it.
    """

    kind: str
    called: str
    name: str
    area: str
    back: str
    listed: str
    archived: bool
    uses: Uses
    renames: str
    deletes: bool
    archive: Callable[[bool], object]
    give_name: Callable[[str], object]
    delete: Callable[[str], object]
    declared: Mapping[str, Any] | None = None
    declare: Callable[[Mapping[str, object]], object] | None = None

    @property
    def archives(self) -> bool:
        """Whether it can be archived now."""
        return not self.uses.busy


@page("GET", "POST")
def manage_suite(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """What can be done with a suite."""
    found = get_object_or_404(Suite, pk=pk)
    uses = suite_uses(found)
    return _managed(
        request,
        Managed(
            kind="suite",
            called=f"the suite {found}",
            name=found.name,
            area="suites",
            back=reverse("researcher:suite", args=[found.pk]),
            listed=reverse("researcher:suites"),
            archived=found.archived_at is not None,
            uses=uses,
            renames="" if uses.used_by or found.frozen_at is not None else "New name",
            deletes=not uses.used_by,
            archive=lambda archived: suite_archive(suite=found, archived=archived),
            give_name=lambda name: suite_rename(suite=found, name=name),
            delete=lambda version: suite_delete(suite=found, version=version),
        ),
    )


@page("GET", "POST")
def manage_run(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """What can be done with a run."""
    found = get_object_or_404(GenerationRun, pk=pk)
    uses = run_uses(found)
    free = not uses.used_by and not uses.busy
    return _managed(
        request,
        Managed(
            kind="run",
            called=f"the run {found.name}",
            name=found.name,
            area="runs",
            back=reverse("researcher:run", args=[found.pk]),
            listed=reverse("researcher:runs"),
            archived=found.archived_at is not None,
            uses=uses,
            renames="New name" if free else "",
            deletes=free,
            archive=lambda archived: run_archive(run=found, archived=archived),
            give_name=lambda name: run_rename(run=found, name=name),
            delete=lambda version: run_delete(run=found, version=version),
            declared=None if found.is_drawn_by_us or not free else declared_initially(found.declared, found.parameters),
            declare=lambda declared: run_declare(run=found, declared=declared),
        ),
    )


@page("GET", "POST")
def manage_study(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """What can be done with a study."""
    found = study_by_name(name)
    draft = found.status == StudyStatus.DRAFT
    return _managed(
        request,
        Managed(
            kind="study",
            called=f"the {'draft' if draft else 'study'} {found.name}",
            name=found.name if draft else found.title,
            area="studies",
            back=reverse("researcher:study", args=[found.name]),
            listed=reverse("researcher:studies"),
            archived=found.archived_at is not None,
            uses=study_uses(found),
            renames="New name" if draft else "New title",
            deletes=draft,
            archive=lambda archived: study_archive(study=found, archived=archived),
            give_name=lambda wanted: study_rename(study=found, name=wanted),
            delete=lambda version: study_delete(study=found),
        ),
    )


def _managed(request: ResearcherRequest, thing: Managed) -> HttpResponseBase:
    """The page, or what was asked for on it."""
    form = RenameForm(initial={"name": thing.name})
    declaration = DeclarationForm(
        request.POST if request.POST.get("action") == "declare" else None, initial=thing.declared
    )
    if request.method == "POST":
        action = request.POST.get("action", "")
        if action == "rename":
            form = RenameForm(request.POST)
        try:
            if action == "delete":
                thing.delete(request.POST.get("version", ""))
                messages.success(request, f"{_upper(thing.called)} is deleted.")
                return redirect(thing.listed)
            if action in ("archive", "restore"):
                thing.archive(action == "archive")
                done = "archived" if action == "archive" else "back in the lists"
                messages.success(request, f"{_upper(thing.called)} is {done}.")
                return redirect(thing.back if action == "restore" else thing.listed)
            if action == "declare" and thing.declare and declaration.is_valid():
                thing.declare(declaration.cleaned_data["declared"])
                messages.success(request, "What is declared is saved.")
                return redirect(thing.back)
            if action == "rename" and form.is_valid():
                renamed = thing.give_name(form.cleaned_data["name"])
                messages.success(request, "The new name is saved.")
                if thing.kind == "study":
                    return redirect("researcher:study", name=getattr(renamed, "name", ""))
                return redirect(thing.back)
        except InputError as error:
            if action == "rename":
                add_input_error(form, error, field="name")
            else:
                raise
    form.fields["name"].label = thing.renames or "New name"
    context = {"area": thing.area, "thing": thing, "renaming": form, "declaration": declaration}
    return form_page(request, "researcher/manage.html", declaration if declaration.is_bound else form, context)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
