"""Runs archived, renamed, declared anew and deleted."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from evaluation.declared import checked_declaration
from evaluation.errors import ConflictError
from evaluation.models import GenerationRun, Upload
from evaluation.selectors.uses import images_of_run_alone, run_uses
from evaluation.services.runs.request import checked_run_name
from evaluation.services.store.unused import hold_store_alone, images_forget
from evaluation.services.work.states import locked


@transaction.atomic
def run_archive(*, run: GenerationRun, archived: bool = True) -> GenerationRun:
    """Leave `run` out of lists and forms, or bring it back. Studies that compare it go on.

    Raises:
        ConflictError: it is being drawn or scored.
    """
    found = locked(run)
    if archived and (busy := run_uses(found).busy):
        raise ConflictError(f"The run {found.name} can't be archived. {busy}")
    found.archived_at = (found.archived_at or timezone.now()) if archived else None
    found.save(update_fields=["archived_at"])
    return found


@transaction.atomic
def run_rename(*, run: GenerationRun, name: str) -> GenerationRun:
    """Give `run` another name.

    Raises:
        ConflictError: something uses it, or another run has the name.
        InputError: a run can't be called so.
    """
    found = locked(run)
    uses = run_uses(found)
    if uses.busy or uses.used_by:
        raise ConflictError(
            f"The run {found.name} can't be renamed. {uses.busy or f'Its name stands in {uses.users}.'}", field="name"
        )
    found.name = checked_run_name(name, besides=found)
    found.save(update_fields=["name"])
    return found


@transaction.atomic
def run_declare(*, run: GenerationRun, declared: Mapping[str, object]) -> GenerationRun:
    """Declare anew what is known of images that were uploaded; what is not given is unknown then.

    `declared`: as `evaluation.declared.checked_declaration` takes it.

    Raises:
        ConflictError: the images were drawn here, or a study rests on the run.
        InputError: what can't be kept.
    """
    kept = checked_declaration(declared)
    found = locked(run)
    uses = run_uses(found)
    if found.origin != GenerationRun.Origin.UPLOADED:
        raise ConflictError(f"The run {found.name} was drawn here: what is known of it was recorded then.")
    if uses.busy or uses.used_by:
        raise ConflictError(
            f"What is declared of the run {found.name} can't be changed. {uses.busy or f'It is used by {uses.users}.'}"
        )
    found.parameters = kept.pop("parameters", {})
    found.declared = kept
    found.save(update_fields=["parameters", "declared"])
    return found


def run_delete(*, run: GenerationRun, version: str = "") -> None:
    """Delete `run` with its images and scores. `version`: of `Uses`, as whoever confirms has seen it; "" for any.

    Raises:
        ConflictError: something uses it, or more would be lost than was said.
    """
    with transaction.atomic():
        hold_store_alone()
        found = locked(run)
        uses = run_uses(found)
        if uses.busy or uses.used_by:
            raise ConflictError(
                f"The run {found.name} can't be deleted. {uses.busy or f'It is used by {uses.users}. Archive it.'}"
            )
        if version and version != uses.version:
            raise ConflictError(f"The run {found.name} has changed meanwhile. Look at what would be lost, and confirm.")
        images = list(images_of_run_alone(found).values_list("pk", flat=True))
        Upload.objects.filter(run=found).delete()
        found.delete()
        images_forget(images)
