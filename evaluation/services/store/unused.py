"""Stored images that nothing shows any more: their rows, and their files once that is sure."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from evaluation.models import Sample, StoredImage, StudyImage
from evaluation.services.store.images import STORE_LOCK, ImageFile, image_discard


def hold_store_alone() -> None:
    """Until the transaction ends, nobody adds an image to the store."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [STORE_LOCK])


def images_forget(pks: Sequence[int]) -> int:
    """Remove the rows of those images that nothing shows, and their files when the transaction is committed. How many.

    In the transaction that removed what showed them, after `hold_store_alone`.
    """
    this = OuterRef("pk")
    gone: list[StoredImage] = []
    for start in range(0, len(pks), 5000):
        gone += StoredImage.objects.filter(
            ~Exists(Sample.objects.filter(image=this)),
            ~Exists(Sample.objects.filter(original=this)),
            ~Exists(StudyImage.objects.filter(rendition=this)),
            pk__in=pks[start : start + 5000],
        )
    files = [ImageFile(each.sha256, each.image_format, each.width, each.height, each.n_bytes) for each in gone]
    for start in range(0, len(gone), 5000):
        StoredImage.objects.filter(pk__in=[each.pk for each in gone[start : start + 5000]]).delete()
    transaction.on_commit(lambda: image_discard(files))
    return len(gone)
