"""Nothing that these tests encode goes to the cache of whoever runs them."""

from pathlib import Path

import pytest

from generators.cascade import text_cache, text_files


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the text cache, empty for each test."""
    folder = tmp_path / "text-cache"
    monkeypatch.setenv(text_cache.FOLDER, str(folder))
    monkeypatch.delenv(text_files.DOWNLOAD, raising=False)
    return folder
