"""The command upload_run."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from evaluation.models import Sample, Suite
from tests.uploads.conftest import image_bytes, nothing_is_kept, whole_run

pytestmark = pytest.mark.django_db
Make = Callable[[Mapping[str, bytes]], Path]


class TestCommand:
    def run(self, *arguments: str) -> dict[str, object]:
        out = io.StringIO()
        call_command("upload_run", *arguments, "--format", "json", stdout=out, stderr=io.StringIO())
        result = json.loads(out.getvalue())
        assert isinstance(result, dict)
        return result

    def refused(self, *arguments: str) -> str:
        with pytest.raises(CommandError) as error:
            call_command("upload_run", *arguments, stderr=io.StringIO())
        assert error.value.returncode == 2
        return str(error.value)

    def test_a_folder_in_one_go(self, suite: Suite, make_folder: Make, media: Path) -> None:
        folder = make_folder(whole_run())
        result = self.run("--suite", "words", "--name", "mine", "--generator", "imagen", str(folder), "--yes")
        assert (result["stored"], result["samples_per_prompt"], result["missing"]) == (8, 2, {})
        assert not (media / "uploads").exists() or not list((media / "uploads").iterdir())
        assert folder.exists() and Sample.objects.count() == 8

    @pytest.mark.django_db(transaction=True)
    def test_what_is_wrong_is_told_and_nothing_stays(self, suite: Suite, make_folder: Make, media: Path) -> None:
        files = {f"{number:05d}/0.png": b"broken" for number in range(4)} | {"00000/1.png": image_bytes(1)}
        folder = str(make_folder(files))
        named = ("--suite", "words", "--name", "mine", "--generator", "imagen", folder)
        message = self.refused(*named, "--yes")
        assert "4 of 5 files have problems" in message and "00003/0.png: this is not a recognised image" in message
        assert "7 samples of 4 prompts are missing" in self.refused(*named, "--yes", "--ignore-problems")
        assert "Use --yes" in self.refused(*named, "--ignore-problems", "--allow-missing")
        assert nothing_is_kept(media)
        result = self.run(*named, "--yes", "--ignore-problems", "--allow-missing")
        assert result["stored"] == 1 and len(result["left_out"]) == 4  # type: ignore[arg-type]

    def test_unknown_suite(self, suite: Suite, make_folder: Make) -> None:
        folder = str(make_folder(whole_run()))
        assert 'did you mean "words"' in self.refused("--suite", "word", "--name", "m", "--generator", "g", folder)
