"""Suites, runs and studies archived and renamed, and what uses them. Deleting stands with each thing."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common import limits
from evaluation.api.base import Endpoint
from evaluation.api.fields import Choice, Flag, Input, Mapped, Words
from evaluation.declared import DECLARED, SELECTIONS
from evaluation.models import GenerationRun, Suite
from evaluation.selectors.studies import study_by_name
from evaluation.selectors.uses import run_uses, study_uses, suite_uses
from evaluation.services.runs.manage import run_archive, run_declare, run_rename
from evaluation.services.studies.manage import study_archive, study_rename
from evaluation.services.suites.manage import suite_archive, suite_rename

USES = {200: OpenApiResponse(OpenApiTypes.OBJECT, description="What uses it, and what would be lost with it")}


class ManageInput(Input):
    """What is to be otherwise."""

    archived = Flag(required=False, help_text="true: leave it out of lists and forms; false: bring it back")
    name = Words(required=False, max_length=limits.TITLE, help_text="Another name; of an opened study another title")


class RunManageInput(ManageInput):
    """What is to be otherwise, and what is declared of uploaded images; what is left out stays as it is."""

    version = Words(required=False, allow_blank=True, max_length=limits.GENERATOR, help_text="Of the generator")
    licence = Words(required=False, allow_blank=True, max_length=limits.LICENCE, help_text="Of the images")
    seeds = Words(required=False, allow_blank=True, max_length=limits.REFERENCE, help_text="As far as known")
    selection = Choice(("", *SELECTIONS), required=False, help_text="How samples were chosen; empty: unknown")
    parameters = Mapped(required=False, help_text="Of the generator, name and value: all of them")


class SuiteManage(Endpoint):
    """A suite's uses, its name and whether it is archived."""

    body = ManageInput

    @extend_schema(operation_id="suites_uses", responses=USES)
    def get(self, request: Request, pk: int) -> Response:
        """Get what uses a suite, and what would be lost with it."""
        return Response(suite_uses(get_object_or_404(Suite, pk=pk)).to_dict())

    @extend_schema(operation_id="suites_manage", responses=USES)
    def post(self, request: Request, pk: int) -> Response:
        """Rename a suite that nothing uses, archive it, or bring it back."""
        found = get_object_or_404(Suite, pk=pk)
        if "name" in self.given:
            found = suite_rename(suite=found, name=self.given["name"])
        if "archived" in self.given:
            found = suite_archive(suite=found, archived=self.given["archived"])
        return Response(_state(found.name, found.archived_at, suite_uses(found).to_dict()))


class RunManage(Endpoint):
    """A run's uses, its name, what is declared of its images and whether it is archived."""

    body = RunManageInput

    @extend_schema(operation_id="runs_uses", responses=USES)
    def get(self, request: Request, pk: int) -> Response:
        """Get what uses a run, and what would be lost with it."""
        return Response(run_uses(get_object_or_404(GenerationRun, pk=pk)).to_dict())

    @extend_schema(operation_id="runs_manage", responses=USES)
    @transaction.atomic
    def post(self, request: Request, pk: int) -> Response:
        """Rename a run that nothing uses, declare anew what is known of its uploaded images, archive it, or bring it
        back."""
        found = get_object_or_404(GenerationRun, pk=pk)
        if "name" in self.given:
            found = run_rename(run=found, name=self.given["name"])
        given = {name: self.given[name] for name in DECLARED if name in self.given}
        if given:
            found = run_declare(run=found, declared={"parameters": found.parameters, **found.declared, **given})
        if "archived" in self.given:
            found = run_archive(run=found, archived=self.given["archived"])
        return Response(_state(found.name, found.archived_at, run_uses(found).to_dict()))


class StudyManage(Endpoint):
    """A study's uses, its name or title, and whether it is archived."""

    body = ManageInput

    @extend_schema(operation_id="studies_uses", responses=USES)
    def get(self, request: Request, name: str) -> Response:
        """Get what keeps a study, and what would be lost with it."""
        return Response(study_uses(study_by_name(name)).to_dict())

    @extend_schema(operation_id="studies_manage", responses=USES)
    def post(self, request: Request, name: str) -> Response:
        """Rename a draft, give an opened study another title, archive a study, or bring it back."""
        found = study_by_name(name)
        if "name" in self.given:
            found = study_rename(study=found, name=self.given["name"])
        if "archived" in self.given:
            found = study_archive(study=found, archived=self.given["archived"])
        return Response(_state(found.name, found.archived_at, study_uses(found).to_dict()))


def _state(name: str, archived_at: object, uses: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "archived": archived_at is not None, **uses}
