"""Which stored images may be looked at."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from evaluation.models import Sample, StoredImage, StudyImage


def images_with_an_address() -> QuerySet[StoredImage]:
    """Images that this platform encoded itself: samples as shown, and their renditions in studies.

    Not the files that people uploaded (`Sample.original`), as they came: those are kept for metrics alone.
    """
    return StoredImage.objects.filter(
        Q(Exists(Sample.objects.filter(image=OuterRef("pk"))))
        | Q(Exists(StudyImage.objects.filter(rendition=OuterRef("pk"))))
    )
