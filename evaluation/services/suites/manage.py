"""Suites archived, renamed and deleted."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from evaluation.errors import ConflictError
from evaluation.models import Suite, Upload
from evaluation.selectors.uses import OVER, suite_uses
from evaluation.services.suites.save import checked_name


@transaction.atomic
def suite_archive(*, suite: Suite, archived: bool = True) -> Suite:
    """Leave `suite` out of lists and forms, or bring it back. Its runs stay where they are."""
    found = Suite.objects.select_for_update().get(pk=suite.pk)
    found.archived_at = (found.archived_at or timezone.now()) if archived else None
    found.save(update_fields=["archived_at"])
    return found


@transaction.atomic
def suite_rename(*, suite: Suite, name: str) -> Suite:
    """Give `suite` another name.

    Raises:
        ConflictError: runs are of it, or were: reports and exports say its name.
        InputError: a suite can't be called so.
    """
    found = Suite.objects.select_for_update().get(pk=suite.pk)
    uses = suite_uses(found)
    if uses.used_by or found.frozen_at is not None:
        why = f"It is used by {uses.users}." if uses.used_by else "Runs were of it, and their exports say its name."
        raise ConflictError(f"The suite {found} can't be renamed. {why}", field="name")
    found.name = checked_name(name)
    found.save(update_fields=["name"])
    return found


@transaction.atomic
def suite_delete(*, suite: Suite, version: str = "") -> None:
    """Delete `suite` with its prompts. `version`: of `Uses`, as whoever confirms has seen it; "" for any.

    Raises:
        ConflictError: something uses it, or more would be lost than was said.
    """
    found = Suite.objects.select_for_update().get(pk=suite.pk)
    uses = suite_uses(found)
    if uses.used_by:
        raise ConflictError(f"The suite {found} can't be deleted. It is used by {uses.users}. Archive it.")
    if version and version != uses.version:
        raise ConflictError(f"The suite {found} has changed meanwhile. Look at what would be lost, and confirm.")
    Upload.objects.filter(suite=found, status__in=OVER).delete()
    found.delete()
