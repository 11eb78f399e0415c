"""Studies archived, and called otherwise. `change` deletes drafts."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from common import limits
from evaluation.errors import ConflictError
from evaluation.intake import text_in
from evaluation.models import Study, StudyStatus
from evaluation.selectors.uses import study_uses
from evaluation.services.studies.change import draft_of, draft_version, study_change


@transaction.atomic
def study_archive(*, study: Study, archived: bool = True) -> Study:
    """Leave `study` out of lists, or bring it back. Its pages, reports and files stay.

    Raises:
        ConflictError: it is open.
    """
    found = Study.objects.select_for_update().get(pk=study.pk)
    if archived and (busy := study_uses(found).busy):
        raise ConflictError(f"The study {found} can't be archived. {busy}")
    found.archived_at = (found.archived_at or timezone.now()) if archived else None
    found.save(update_fields=["archived_at"])
    return found


@transaction.atomic
def study_rename(*, study: Study, name: str) -> Study:
    """Give a draft another name; of a study that was opened, another title: its name is locked with its declaration.

    Raises:
        InputError: a study can't be called so.
    """
    found = Study.objects.select_for_update().get(pk=study.pk)
    if found.status == StudyStatus.DRAFT:
        return study_change(study=found, draft=replace(draft_of(found), name=name), version=draft_version(found))
    found.title = text_in(name, "title", "the title", most=limits.TITLE)
    found.save(update_fields=["title"])
    return found
