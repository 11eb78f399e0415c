"""The decoding child: what it keeps from its parent, and that a file that kills it kills only it."""

import io
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from common.images import (
    CheckedImage,
    DecodeProcess,
    ImageLimits,
    ImageProblem,
    Problem,
    check_images,
    decode_image,
    encode_png,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
PNG = encode_png(PIXELS)


OTHERS: set[int] = set()
"""Children that were there before a test: the one that makes small images lives as long as its process."""


@pytest.fixture(autouse=True)
def others() -> None:
    OTHERS.clear()
    OTHERS.update(child.pid for child in psutil.Process().children())


def children() -> list[psutil.Process]:
    """This process's decoding children."""
    own = [child for child in psutil.Process().children() if child.pid not in OTHERS]
    return [child for child in own if "common.images.worker" in child.cmdline()]


def test_outcomes_come_in_order_and_equal_those_of_the_pure_function(tmp_path: Path) -> None:
    path = tmp_path / "0.png"
    path.write_bytes(PNG)
    items: list[tuple[str, bytes | Path]] = [
        ("a.png", PNG),
        ("bad.png", b"not an image"),
        ("b/0.png", path),
        ("c.jpg", PNG),
    ] * 3
    outcomes = list(check_images(iter(items), workers=2))
    assert [name for name, _ in outcomes] == [name for name, _ in items]
    assert outcomes[0][1] == outcomes[2][1] == decode_image(PNG, "a.png")
    problems = [outcome.problem for _, outcome in outcomes if isinstance(outcome, ImageProblem)]
    assert problems == [Problem.NOT_AN_IMAGE, Problem.MISLABELLED] * 3
    assert children() == []


def test_an_archive_is_not_read_ahead_of_need() -> None:
    taken = []

    def archive() -> Iterator[tuple[str, bytes]]:
        for index in range(50):
            taken.append(index)
            yield f"{index}.png", PNG

    outcomes = check_images(archive(), workers=1)
    next(outcomes)
    assert len(taken) <= 3
    outcomes.close()  # type: ignore[attr-defined]
    assert children() == []


def test_pixels() -> None:
    with DecodeProcess() as process:
        image = process.pixels("a.png", PNG)
        assert isinstance(image, np.ndarray) and np.array_equal(image, PIXELS)
        assert isinstance(process.pixels("a.png", b"x"), ImageProblem)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "absent", "large"])
def test_only_regular_files_of_a_fair_size_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.png"
    if kind == "link":
        (tmp_path / "y.png").write_bytes(PNG)
        path.symlink_to(tmp_path / "y.png")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        path.write_bytes(b"\0" * 2000)
    with DecodeProcess(ImageLimits(max_bytes=1000)) as process:
        outcome = process.check("x.png", path)
    assert isinstance(outcome, ImageProblem)
    assert outcome.problem is (Problem.TOO_LARGE if kind == "large" else Problem.UNREADABLE)
    if kind == "link":
        assert outcome.message == "the file can't be read: it is a link"


def test_a_file_that_kills_the_decoder_is_a_problem_and_the_next_is_decoded() -> None:
    with DecodeProcess() as process:
        assert isinstance(process.check("a.png", PNG), CheckedImage)
        os.kill(children()[0].pid, signal.SIGKILL)
        outcome = process.check("b.png", PNG)
        assert isinstance(outcome, ImageProblem) and outcome.problem is Problem.CRASH
        assert isinstance(process.check("c.png", PNG), CheckedImage)


def test_a_decoder_that_hangs_is_ended_in_time() -> None:
    with DecodeProcess(ImageLimits(seconds=0.5)) as process:
        assert isinstance(process.check("a.png", PNG), CheckedImage)
        os.kill(children()[0].pid, signal.SIGSTOP)
        started = time.monotonic()
        outcome = process.check("b.png", PNG)
        assert isinstance(outcome, ImageProblem) and outcome.problem is Problem.TIMEOUT
        assert "longer than 0.5 seconds" in outcome.message
        assert time.monotonic() - started < 5
        assert isinstance(process.check("c.png", PNG), CheckedImage)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited where /proc is")
def test_memory_is_limited() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4000, 4000)).save(buffer, "PNG")  # 48 MB of pixels in 50 KB
    with DecodeProcess(ImageLimits(memory_bytes=24 * 2**20)) as process:
        outcome = process.check("bomb.png", buffer.getvalue())
        assert isinstance(outcome, ImageProblem) and outcome.problem is Problem.CRASH
        assert "memory" in outcome.message or "decoder died" in outcome.message
        assert isinstance(process.check("small.png", PNG), CheckedImage)


def test_the_child_knows_no_secret_and_may_write_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_SECRET", "hush")
    with DecodeProcess() as process:
        process.check("a.png", PNG)
        child = children()[0]
        assert "DRAWBENCH_SECRET" not in child.environ()
        if hasattr(child, "rlimit"):
            assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
            assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
            assert child.rlimit(psutil.RLIMIT_AS)[0] < 2**32
            assert child.rlimit(psutil.RLIMIT_CPU)[0] < 90
    assert not child.is_running()
    process.close()  # a second close harms nothing
