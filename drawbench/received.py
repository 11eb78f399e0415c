"""Files of forms while they come in, in the system's temporary folder."""

import contextlib

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler


class ReceivedFiles(TemporaryFileUploadHandler):
    """Django's handler, whose file goes at once when there is no room for it.

    Django's own leaves it open until whoever holds the error lets go, and a full disk stays full as long.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError:
            self._drop()
            raise

    def file_complete(self, file_size: int) -> UploadedFile | None:
        try:
            return super().file_complete(file_size)
        except OSError:  # what was still in memory is written only now
            self._drop()
            raise

    def _drop(self) -> None:
        """Remove the file; what of it is still in memory can't be written either, which closing says once more."""
        with contextlib.suppress(OSError):
            self.file.close()
