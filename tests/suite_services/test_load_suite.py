"""Suites by name and from files, as the commands and services give them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from evaluation.errors import InputError, NotFoundError
from evaluation.models import Prompt, Suite
from evaluation.selectors.suites import suite_by_name
from evaluation.services.suites import load as module
from evaluation.services.suites.load import SuiteReading, suite_load
from evaluation.services.suites.make import suite_make_subset, suite_make_variation
from evaluation.suites import SuiteFetchError

pytestmark = pytest.mark.django_db
PUBLISHED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "drawbench.csv"
PUBLISHED_HASH = "fd36006833d16fedf8ea21e81fc94ded3c53ddae829a8e359afb610960876d9c"


def run_command(*arguments: str) -> dict[str, object]:
    out = io.StringIO()
    call_command(*arguments, "--format", "json", stdout=out)
    result = json.loads(out.getvalue())
    assert isinstance(result, dict)
    return result


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command(*arguments)
    assert error.value.returncode == 2
    return str(error.value)


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    path = tmp_path / "Animals & plants.csv"
    path.write_text("prompt,category\na fox,Animals\na heron,Animals\na birch,Plants\n")
    return path


def no_network(timeout_s: float = 5.0) -> bytes:
    raise SuiteFetchError("no network in tests")


class TestLoad:
    def test_the_bundled_suite_once(self) -> None:
        first = run_command("load_suite", "drawbench-cc0")
        again = run_command("load_suite", "drawbench-cc0")
        assert (first["created"], again["created"]) == (True, False)
        assert first["prompts"] == 200 and first["licence"] == "CC0-1.0"
        assert isinstance(first["categories"], dict) and len(first["categories"]) == 11
        assert Suite.objects.count() == 1 and Prompt.objects.count() == 200
        scene = Prompt.objects.exclude(attributes={}).first()
        assert scene is not None and scene.attributes["schema"] == "scene/1"

    @pytest.mark.skipif(not PUBLISHED.exists(), reason="the published suite is not in ../shared/data")
    def test_the_published_suite_by_its_hash_whatever_its_dress(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = run_command("load_suite", "drawbench", "--file", str(PUBLISHED))
        assert first["content_hash"] == PUBLISHED_HASH and first["suite"] == "drawbench" and first["prompts"] == 200
        dressed = tmp_path / "copy.csv"
        dressed.write_bytes(b"\xef\xbb\xbf" + PUBLISHED.read_bytes().replace(b"\n", b"\r\n"))
        again = run_command("load_suite", str(dressed))
        assert (again["suite"], again["created"]) == ("drawbench", False)
        # once it is there, its name asks no network
        monkeypatch.setattr(module, "fetch_drawbench", no_network)
        assert run_command("load_suite", "drawbench")["created"] is False

    @pytest.mark.skipif(not PUBLISHED.exists(), reason="the published suite is not in ../shared/data")
    def test_a_cut_copy_is_refused(self, tmp_path: Path) -> None:
        cut = tmp_path / "drawbench.csv"
        cut.write_bytes(b"\n".join(PUBLISHED.read_bytes().splitlines()[:105]))
        assert "not the whole published DrawBench" in refused("load_suite", "drawbench", "--file", str(cut))
        assert not Suite.objects.exists()

    def test_without_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "fetch_drawbench", no_network)
        with pytest.raises(InputError, match="no network"):
            suite_load(source="drawbench")

    def test_the_same_name_with_another_text_is_another_version(self, animals: Path) -> None:
        first = suite_load(source=animals, name="animals").suite
        animals.write_text(animals.read_text() + "a moss,Plants\n")
        second = suite_load(source=animals, name="animals").suite
        assert (first.name, second.name) == ("animals", "animals") and first.version != second.version
        with pytest.raises(InputError, match=f"Choose one.*animals@{first.version}"):
            suite_by_name("animals")
        assert suite_by_name(f"animals@{first.version}") == first
        assert suite_by_name(str(second)) == second

    def test_a_file_gives_its_name_and_title(self, animals: Path) -> None:
        suite = suite_load(source=animals).suite
        assert suite.name == "animals-plants" and suite.title == "Animals & plants"
        assert [prompt.prompt_id for prompt in suite.prompts.all()] == ["00000", "00001", "00002"]
        again = suite_load(source=animals.read_bytes(), reading=SuiteReading(file_name="other name.csv"))
        assert again.created is False and again.suite == suite

    def test_bytes_take_the_name_of_their_file(self) -> None:
        suite = suite_load(source=b"a fox\na heron\n", reading=SuiteReading(file_name="My list.txt")).suite
        assert suite.name == "my-list" and suite.source == "My list.txt"


class TestBadInput:
    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "empty"),
            (b"prompt,category\na fox,A\n,A\n", "line 3"),
            (b"prompt,category\na fox,A\na fox,A\n", "line 3 repeats line 2"),
            (b"prompt\n\xff\xfe\xfa fox\n", "encoding|no text"),
        ],
    )
    def test_files_that_can_not_be_used(self, tmp_path: Path, content: bytes, told: str) -> None:
        path = tmp_path / "suite.csv"
        path.write_bytes(content)
        message = refused("load_suite", str(path))
        assert "suite.csv" in message
        assert any(part in message for part in told.split("|")), message
        assert not Suite.objects.exists()

    def test_unknown_names(self, tmp_path: Path) -> None:
        assert 'did you mean "drawbench-cc0"?' in refused("load_suite", "drawbench-cc")
        assert "There is no file" in refused("load_suite", str(tmp_path / "nothing.csv"))
        assert "such as my-own-suite" in refused("load_suite", "drawbench-cc0", "--name", "my own süite")
        assert "--file can only be used with drawbench" in refused("load_suite", "x", "--file", "y.csv")

    def test_the_nearest_suite_is_named(self, animals: Path) -> None:
        with pytest.raises(NotFoundError, match="no suites are loaded yet"):
            suite_by_name("animals")
        suite_load(source=animals, name="animals")
        with pytest.raises(NotFoundError, match='did you mean "animals"'):
            suite_by_name("animal")
        with pytest.raises(NotFoundError, match="has no version 12345678"):
            suite_by_name("animals@12345678")
        with pytest.raises(InputError, match="four or more digits"):
            suite_by_name("animals@xyz")


class TestMake:
    def test_a_grid_around_a_subject(self) -> None:
        result = run_command(
            "make_suite", "--vary", "a lighthouse", "--styles", "photograph,etching", "--lights", "dusk", "--lenses", ""
        )
        assert result["prompts"] == 2 and result["suite"] == "vary-a-lighthouse"
        assert result["first_prompts"] == ["a lighthouse, photograph, dusk", "a lighthouse, etching, dusk"]
        prompt = Prompt.objects.get(number=1)
        assert prompt.attributes == {"subject": "a lighthouse", "style": "etching", "light": "dusk"}
        again = suite_make_variation(
            subject="a lighthouse", styles=["photograph", "etching"], lights=["dusk"], lenses=[]
        )
        assert again.version_hash == result["version_hash"] and Suite.objects.count() == 1

    def test_a_part_of_a_suite(self) -> None:
        suite = suite_load(source="drawbench-cc0").suite
        part = suite_make_subset(suite=suite, per_category=2, name="part")
        assert part.name == "part" and part.prompts.count() == 22 and part.licence == "CC0-1.0"
        assert [prompt.number for prompt in part.prompts.all()] == list(range(22))
        assert suite_make_subset(suite=suite, per_category=2, name="part") == part
        result = run_command("make_suite", "--from", f"drawbench-cc0@{suite.version}", "--per-category", "1")
        assert result["prompts"] == 11 and result["suite"] == "drawbench-cc0-1-a-category"

    def test_what_is_refused(self) -> None:
        suite_load(source="drawbench-cc0")
        assert "--per-category N" in refused("make_suite", "--from", "drawbench-cc0")
        assert "at least one" in refused("make_suite", "--from", "drawbench-cc0", "--per-category", "0")
        assert "twice" in refused("make_suite", "--vary", "a fox", "--styles", "oil,oil")
        assert "0 characters" in refused("make_suite", "--vary", " ")
        assert 'Unknown suite "drawbench-ccx"' in refused(
            "make_suite", "--from", "drawbench-ccx", "--per-category", "1"
        )


def test_an_upload_that_is_called_drawbench_must_be_the_published_suite() -> None:
    with pytest.raises(InputError, match="drawbench.csv"):
        suite_load(source=b"prompt,category\na fox,Animals\n", reading=SuiteReading(file_name="drawbench.csv"))
    assert not Suite.objects.exists()
