"""Images of an upload that waits to be confirmed, as its page shows them."""

from __future__ import annotations

from evaluation.models import Upload
from evaluation.services.store.thumbnail import small_webp
from evaluation.services.uploads.check import FILES
from evaluation.services.uploads.drop import row_format, staging_of


def staged_small(upload: Upload, sha256: str) -> bytes | None:
    """A small WebP of a staged image, None where there is none of that hash (the upload may be over).

    `sha256`: 64 hexadecimal digits, as the address has checked; only what a rater could see is read.
    """
    for row in upload.table:
        if row.get("sha256") == sha256:
            try:
                return small_webp((staging_of(upload) / FILES / f"{sha256}.{row_format(row)}").read_bytes())
            except FileNotFoundError:
                return None
    return None
