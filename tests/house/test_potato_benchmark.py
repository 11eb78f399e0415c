"""`benchmarks.rating` beside Potato: asked for by the Python of its environment, else said how."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import _potato, rating


def test_where_nobody_asks_it_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert rating._potato(None) is None
    assert _potato.HOW in capsys.readouterr().err and _potato.VERSION in _potato.HOW


@pytest.mark.parametrize("python", [Path(sys.executable), Path("no/such/python")])
def test_where_potato_is_not_installed_it_says_so(python: Path) -> None:
    with pytest.raises(SystemExit, match=r"There is no Potato .* Install it: python3 -m venv"):
        rating._potato(python)


def test_the_task_is_like_ours(tmp_path: Path) -> None:
    _potato._task(tmp_path / "task", rating.SIDE)
    images = list((tmp_path / "task" / "images").iterdir())
    assert len(images) == 2 * _potato.ITEMS
    assert all(50_000 < image.stat().st_size < 53_000 for image in images), "of 51 kB, as the study's"
    assert len(_potato.QUESTIONS) == 2 and len(_potato.ANSWERS) == 3
