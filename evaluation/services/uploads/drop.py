"""An upload given up, and its staging folder cleaned."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from evaluation.errors import ConflictError
from evaluation.models import Upload
from evaluation.services.store.places import uploads_folder
from evaluation.services.work.locks import claim_upload


def staging_of(upload: Upload) -> Path:
    """The folder that holds what was received of `upload` until it is stored or dropped."""
    return uploads_folder() / str(upload.key)


def clean_staging(upload: Upload) -> None:
    """Remove all that was received; harmless when it is gone."""
    shutil.rmtree(staging_of(upload), ignore_errors=True)


def upload_drop(*, upload: Upload) -> Upload:
    """Give an upload up: its files go, its row stays as dropped.

    Raises:
        ConflictError: it has become a run already, or becomes one at this moment.
    """
    with claim_upload(upload.pk) as ours, transaction.atomic():
        upload = Upload.objects.select_for_update().get(pk=upload.pk)
        # `storing` with nobody at it: a process that was killed, whose transaction left nothing
        if upload.status == Upload.Status.DONE or (upload.status == Upload.Status.STORING and not ours):
            raise ConflictError(f"The upload {upload.run_name} is already a run and can't be discarded.")
        upload.status, upload.table = Upload.Status.DROPPED, []
        upload.save(update_fields=["status", "table"])
        transaction.on_commit(lambda: clean_staging(upload))
    return upload


def row_format(row: Mapping[str, Any]) -> str:
    """The format in which a checked image is served. Rows of uploads that were staged before images kept their own
    encoding do not say it: those are PNG."""
    return str(row.get("format", "png"))
