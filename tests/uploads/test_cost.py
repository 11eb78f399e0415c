"""What an upload costs: each file decoded once and no more after a kill, a fixed number of queries, memory that does
not grow with the images."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.images.child import Child
from evaluation.models import Sample, Suite, Upload
from evaluation.selectors.uploads import upload_summary
from evaluation.services.uploads import check as check_module
from evaluation.services.uploads import confirm as confirm_module
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.drop import staging_of
from evaluation.services.uploads.match import CHECKED
from evaluation.services.uploads.receive import upload_receive
from tests.uploads.conftest import image_bytes, whole_run

pytestmark = pytest.mark.django_db
Make = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each file that a decoding child is given, in bytes."""
    sizes: list[int] = []
    ask = Child.ask

    def counted(self: Child, name: str, data: bytes, *rest: object) -> None:
        sizes.append(len(data))
        ask(self, name, data, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Child, "ask", counted)
    return sizes


def receive(suite: Suite, source: Path, run_name: str = "mine") -> Upload:
    return upload_receive(suite=suite, run_name=run_name, generator="imagen", source=source)


def test_each_file_is_decoded_once_from_the_archive_to_the_run(
    suite: Suite, make_zip: Make, decoded: list[int]
) -> None:
    files = whole_run(3)
    upload = receive(suite, make_zip(files))
    assert upload_check(upload=upload)
    upload_confirm(upload=upload)
    assert sorted(decoded) == sorted(map(len, files.values()))


def test_after_a_kill_nothing_is_decoded_again_that_was_noted(
    suite: Suite, make_zip: Make, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at the seventh of twelve files, with half a line of it in the log; the broken one is listed in the end."""
    files = {**whole_run(3), "00003/2.png": b"\x89PNG\r\n\x1a\n broken"}
    upload = receive(suite, make_zip(files))
    real = check_module._kept
    noted: list[str] = []

    def killed(folder: Path, name: str, *rest: object) -> dict[str, object]:
        if len(noted) == 6:
            raise KeyboardInterrupt
        noted.append(name)
        return real(folder, name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(check_module, "_kept", killed)
    with pytest.raises(KeyboardInterrupt):
        upload_check(upload=upload)
    with (staging_of(upload) / CHECKED).open("ab") as log:
        log.write(b'{"file": "00002/0.png", "problem": ""')
    monkeypatch.setattr(check_module, "_kept", real)
    decoded.clear()
    assert upload_check(upload=upload)
    assert len(noted) == 6 and sorted(decoded) == sorted(len(files[name]) for name in {*files} - {*noted})
    summary = upload_summary(upload)
    assert summary.matched == 11 and [row.file for row in summary.problems] == ["00003/2.png"]
    run = upload_confirm(upload=upload, options={"ignore_problems": True, "allow_missing": True})
    assert run.samples.count() == 11


def test_queries_do_not_grow_with_the_images_of_a_batch(suite: Suite, make_zip: Make) -> None:
    counts = []
    for name, samples in (("few", 1), ("many", 12)):
        upload = receive(suite, make_zip(whole_run(samples)), name)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert upload_check(upload=upload)
            upload_confirm(upload=upload)
        counts.append(len([query for query in queries if "n_checked" not in query["sql"]]))
    assert counts[0] == counts[1]


def test_another_batch_costs_three_queries(suite: Suite, make_zip: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for rows_at_once in (12, 4):
        monkeypatch.setattr(confirm_module, "ROWS_AT_ONCE", rows_at_once)
        upload = receive(suite, make_zip(whole_run(3)), f"by {rows_at_once}")
        assert upload_check(upload=upload)
        with CaptureQueriesContext(connection) as queries:
            run = upload_confirm(upload=upload)
        counts.append(len(queries))
        assert run.samples.count() == 12 and run.samples.values("image").distinct().count() == 12
    assert counts[1] - counts[0] <= 2 * 3
    assert Sample.objects.count() == 24


def test_memory_holds_no_more_images_the_more_there_are(suite: Suite, make_zip: Make) -> None:
    """Of 12 and of 96 images of 67 kB: what is in memory at most grows by some kilobytes a file, never by the files."""
    peaks = []
    for name, samples in (("few", 3), ("many", 24)):
        files = {f"{at // samples:05d}/{at % samples}.png": image_bytes(at, side=149) for at in range(4 * samples)}
        upload = receive(suite, make_zip(files), name)
        del files
        tracemalloc.start()
        try:
            assert upload_check(upload=upload)
            upload_confirm(upload=upload)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] - peaks[0] < 84 * 10_000, peaks
