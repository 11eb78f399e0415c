"""Images of a run on their way into the store: encoded, written and kept beside the drawing of the next ones.

    batch -> threads: PNG, hash, file without its name -> keeper: files to the disk, names, rows in one transaction

Batches are kept in the order in which they came, together where several wait. A row never names a file that is not
safely on the disk: its file and name are brought there first.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from django.db import connection, connections
from numpy.typing import NDArray

from common.images import encode_png
from evaluation.models import GenerationRun
from evaluation.services.runs.samples import DrawnImage, Place, samples_store
from evaluation.services.store.images import ComingFile, image_file_begin, image_files_end

ENCODERS = 2
"""Threads that encode and write where the generator is faster than one of them."""

KEPT_TOGETHER = 64
"""Images of so many become samples in one transaction, if so many wait."""


class _Batch:
    """Images that come together. `over`: they are samples, or `error` says why one of them is not."""

    def __init__(self, images: Sequence[tuple[Place, DrawnImage, Future[ComingFile]]]) -> None:
        self.images = images
        self.over = threading.Event()
        self.error: BaseException | None = None


class SampleWriter:
    """Takes the images of a run batch by batch (`add`), and makes them samples while the next are drawn.

    What was not kept when the process dies is still missing, and is drawn again; `wait` bounds how much that is.
    Inside a transaction of the caller's all is kept by `wait` itself, since another connection could not see its rows.
    """

    def __init__(self, run: GenerationRun) -> None:
        self._run = run
        self._encoders = ThreadPoolExecutor(ENCODERS, thread_name_prefix="image-encoder")
        self._keeper = None if connection.in_atomic_block else ThreadPoolExecutor(1, thread_name_prefix="sample-keeper")
        self._batches: deque[_Batch] = deque()  # not known to be over
        self._to_keep: deque[_Batch] = deque()  # the keeper's
        self._pending: Sequence[tuple[Place, DrawnImage]] = ()  # taken, not begun

    def add(self, images: Sequence[tuple[Place, DrawnImage]], *, hurried: bool = False) -> None:
        """Take a batch; it is encoded and kept from `begin` or `wait` on.

        `hurried`: from now on, and by several threads, because batches come as fast.
        """
        if not images:
            return
        self.begin()
        if hurried or self._keeper is None:
            self._take(images, self._encoders)
        else:
            self._pending = images

    def begin(self) -> None:
        """Encode and keep what was taken: the next batch begins.

        Not before, because what lies between two batches takes twice as long beside encoders. And then by the keeper,
        one image after the other, because the batch needs a processor itself.
        """
        images, self._pending = self._pending, ()
        if images:
            assert self._keeper is not None
            self._take(images, self._keeper)

    def _take(self, images: Sequence[tuple[Place, DrawnImage]], threads: ThreadPoolExecutor) -> None:
        batch = _Batch([(*image, threads.submit(_written, image[1].pixels)) for image in images])
        self._batches.append(batch)
        self._to_keep.append(batch)
        if self._keeper is not None:
            self._keeper.submit(self._keep_some)

    def wait(self, most: int = 0) -> None:
        """Wait until at most so many images are no samples yet.

        Raises:
            StoreFullError: no room for one of them; the others are kept.
            Whatever keeping them raised.
        """
        error: BaseException | None = None
        if most < len(self._pending):
            self.begin()
        most -= len(self._pending)
        n_waiting = sum(len(batch.images) for batch in self._batches)
        while self._batches and n_waiting > most:
            batch = self._batches[0]
            if self._keeper is None:
                self._keep_some()
            batch.over.wait()
            self._batches.popleft()
            n_waiting -= len(batch.images)
            error = error or batch.error
        if error is not None:
            raise error

    def close(self) -> None:
        """End the threads."""
        self._encoders.shutdown(wait=True, cancel_futures=True)
        if self._keeper is not None:
            self._keeper.submit(connections.close_all)
            self._keeper.shutdown(wait=True)

    def _keep_some(self) -> None:
        """Make samples of the batches that wait, as many as are kept together. An earlier call may have taken all."""
        some: list[_Batch] = []
        while self._to_keep and sum(len(batch.images) for batch in some) < KEPT_TOGETHER:
            some.append(self._to_keep.popleft())
        try:
            if some:
                _keep(self._run, some)
        except BaseException as error:
            for batch in some:
                batch.error = batch.error or error
            if self._keeper is not None:
                connections.close_all()  # it may have been the connection: what comes next gets another
        for batch in some:
            batch.over.set()


def _written(pixels: NDArray[np.uint8]) -> ComingFile:
    height, width, _ = pixels.shape
    return image_file_begin(data=encode_png(pixels), image_format="png", width=width, height=height)


def _keep(run: GenerationRun, batches: Sequence[_Batch]) -> None:
    """Bring the files of these batches to the disk, and then their rows; a batch notes what was wrong with it."""
    coming: list[tuple[_Batch, Place, DrawnImage, ComingFile]] = []
    for batch in batches:
        for place, drawn, under_way in batch.images:
            try:
                coming.append((batch, place, drawn, under_way.result()))
            except Exception as error:
                batch.error = batch.error or error
    there: list[tuple[Place, DrawnImage, ComingFile]] = []
    errors = image_files_end([file for _, _, _, file in coming])
    for (batch, place, drawn, file), wrong in zip(coming, errors, strict=True):
        if wrong is None:
            there.append((place, drawn, file))
        else:
            batch.error = batch.error or wrong
    if there:
        samples_store(run, there)
