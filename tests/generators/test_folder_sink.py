"""Runs kept in a folder: whole files, an append-only manifest, resuming after anything."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generators.contract import Failure, FailureKind, GeneratorError, ImageRequest, ImageResult
from generators.folder_sink import FolderSink
from generators.manifest import FILE_NAME, ManifestError, RunIdentity, code_version, read_manifest
from generators.runner import RunPlan, run
from tests.generators.colours import Colours, requests

IDENTITY = RunIdentity("colours", {"brightness": 0.5}, "ab" * 32, 16, 1)


def draw(
    folder: Path, asked: list[ImageRequest], generator: Colours | None = None, *, retry_failed: bool = False
) -> tuple[list[str], list[str]]:
    """Run into the folder: the keys that were asked for, and the sink's notes."""
    generator = generator or Colours()
    with FolderSink(folder, IDENTITY, generator.info, asked, retry_failed=retry_failed) as sink:
        run(generator, asked, sink, RunPlan(retries=0, wait=lambda seconds: None))
        return [key for keys in generator.asked for key in keys], sink.notes


def test_images_and_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "run"
    draw(folder, requests(2, 2), Colours(refuse="prompt 1"))
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")) == [
        "00000/0.png",
        "00000/1.png",
        FILE_NAME,
    ]
    with Image.open(folder / "00000/1.png") as image:
        assert np.array_equal(np.asarray(image), Colours().image(requests(1, 2)[1]))
    content = read_manifest(folder / FILE_NAME)
    assert content.identity == IDENTITY
    session = content.sessions[0]
    assert session["code_version"] == code_version() and len(code_version()) == 16
    assert session["provenance"] == {"device": "cpu", "steps": 1} and session["generator_version"] == "1"
    packages = session["packages"]
    assert isinstance(packages, dict) and {"numpy", "pillow"} <= set(packages)
    image_line, failure_line = content.images[0], content.failures[0]
    assert (image_line["prompt_id"], image_line["prompt"], image_line["sample"]) == ("00000", "prompt 0", 0)
    assert image_line["file"] == "00000/0.png" and image_line["width"] == image_line["height"] == 16
    provenance = image_line["provenance"]
    assert isinstance(provenance, dict) and provenance["seed"] >= 0
    assert (failure_line["failure"], failure_line["message"]) == ("refused", "this prompt is refused")


def test_going_on_draws_only_what_is_new(tmp_path: Path) -> None:
    first, _ = draw(tmp_path, requests(2, 2))
    assert len(first) == 4
    before = (tmp_path / FILE_NAME).read_bytes()
    assert draw(tmp_path, requests(2, 2)) == ([], [])
    more, notes = draw(tmp_path, requests(3, 2))
    assert more == ["00002/0", "00002/1"] and notes == []
    assert (tmp_path / FILE_NAME).read_bytes().startswith(before)  # append-only
    assert len(read_manifest(tmp_path / FILE_NAME).sessions) == 3


@pytest.mark.parametrize("kept", range(-60, 0, 7))
def test_a_torn_last_line_costs_one_image(tmp_path: Path, kept: int) -> None:
    draw(tmp_path, requests(1, 3))
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:kept])
    again, notes = draw(tmp_path, requests(1, 3))
    assert again == ["00000/2"] and "cut off" in notes[0]
    assert len(read_manifest(path).images) == 3


def test_a_manifest_torn_in_its_first_line(tmp_path: Path) -> None:
    draw(tmp_path, requests(1, 1))
    (tmp_path / FILE_NAME).write_bytes(b'{"kind": "sess')
    again, notes = draw(tmp_path, requests(1, 1))
    assert again == ["00000/0"] and len(notes) == 1


def test_lost_and_cut_images_are_drawn_again(tmp_path: Path) -> None:
    draw(tmp_path, requests(2, 2))
    (tmp_path / "00000/1.png").unlink()
    (tmp_path / "00001/0.png").write_bytes(b"short")
    again, notes = draw(tmp_path, requests(2, 2))
    assert again == ["00000/1", "00001/0"] and notes[0].startswith("2 images of the manifest are missing")
    assert draw(tmp_path, requests(2, 2)) == ([], [])


def test_lasting_failures_are_asked_again_only_when_told(tmp_path: Path) -> None:
    class Failing(Colours):
        def generate(self, requests):  # type: ignore[no-untyped-def]
            for request in requests:
                kind = FailureKind.FILTERED if request.sample else FailureKind.TIMEOUT
                yield ImageResult(request.key, failure=Failure(kind, "no"))

    draw(tmp_path, requests(1, 2), Failing())
    assert draw(tmp_path, requests(1, 2))[0] == ["00000/0"]
    assert draw(tmp_path, requests(1, 2), retry_failed=True)[0] == ["00000/1"]
    assert draw(tmp_path, requests(1, 2)) == ([], [])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (replace(IDENTITY, parameters={"brightness": 0.7}), "holds another run (brightness: 0.7, not 0.5)"),
        (replace(IDENTITY, run_seed=2, size=64), "holds another run (size: 64, not 16; run_seed: 2, not 1)"),
        (replace(IDENTITY, weights_fingerprint="cd"), "weights_fingerprint: cd, not abab"),
        (replace(IDENTITY, generator="cascade"), "generator: cascade, not colours"),
    ],
)
def test_another_run_is_refused_and_nothing_is_changed(tmp_path: Path, other: RunIdentity, message: str) -> None:
    draw(tmp_path, requests(1, 1))
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(ManifestError) as caught:
        FolderSink(tmp_path, other, Colours().info, [])
    assert message in str(caught.value) and "Choose another folder" in str(caught.value)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_prompt_id_that_stands_for_another_text_is_refused(tmp_path: Path) -> None:
    draw(tmp_path, requests(1, 1))
    other = [replace(requests(1, 1)[0], prompt="something else", key="z")]
    with pytest.raises(ManifestError, match='holds prompt 00000 as "prompt 0", not "something else"'):
        FolderSink(tmp_path, IDENTITY, Colours().info, other)


def test_a_folder_with_other_things_is_refused_and_a_files_place_too(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("x")
    with pytest.raises(GeneratorError, match=r"is not empty \(thesis.docx\) and holds no run"):
        FolderSink(tmp_path, IDENTITY, Colours().info, [])
    with pytest.raises(GeneratorError, match="is a file, not a folder"):
        FolderSink(tmp_path / "thesis.docx", IDENTITY, Colours().info, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.docx"]
    (tmp_path / "thesis.docx").unlink()
    (tmp_path / ".DS_Store").write_text("x")
    FolderSink(tmp_path, IDENTITY, Colours().info, []).close()


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with (
        FolderSink(tmp_path, IDENTITY, Colours().info, []),
        pytest.raises(GeneratorError, match="another process is writing"),
    ):
        FolderSink(tmp_path, IDENTITY, Colours().info, [])
    FolderSink(tmp_path, IDENTITY, Colours().info, []).close()


def test_a_full_disk_leaves_no_half_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    with FolderSink(tmp_path, IDENTITY, Colours().info, []) as sink:
        monkeypatch.setattr("common.files.os.replace", full)
        with pytest.raises(OSError, match="No space left"):
            run(Colours(), requests(1, 2), sink, RunPlan(wait=lambda seconds: None))
    assert [path.name for path in tmp_path.rglob("*.p*")] == []
    monkeypatch.undo()
    assert len(draw(tmp_path, requests(1, 2))[0]) == 2


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b"rubbish\n", "line 2 is damaged"),
        (b'{"kind": "image"}\n', "line 2 is damaged"),
        (b'{"kind": "other"}\n', "line 2 is damaged"),
        (b"[]\n", "line 2 is damaged"),
    ],
)
def test_a_damaged_manifest_is_refused_by_line(tmp_path: Path, damage: bytes, message: str) -> None:
    draw(tmp_path, [])
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes() + damage)
    with pytest.raises(ManifestError, match=message):
        FolderSink(tmp_path, IDENTITY, Colours().info, [])


def test_another_schema_is_refused(tmp_path: Path) -> None:
    draw(tmp_path, [])
    path = tmp_path / FILE_NAME
    line = json.loads(path.read_text())
    path.write_text(json.dumps({**line, "schema": "drawbench-run/9"}) + "\n")
    with pytest.raises(ManifestError, match="is of schema 'drawbench-run/9'; this version reads drawbench-run/1"):
        read_manifest(path)


def test_another_version_of_the_generator_is_said(tmp_path: Path) -> None:
    draw(tmp_path, requests(1, 1))
    newer = Colours()
    newer.info = replace(newer.info, version="2")
    _, notes = draw(tmp_path, requests(1, 1), newer)
    assert notes == ["earlier images are by version 1 of the generator, now it is 2"]


def test_a_prompt_id_that_is_a_path_is_refused(tmp_path: Path) -> None:
    request = ImageRequest("k", "../x", "p", 0, 1)
    with (
        FolderSink(tmp_path, IDENTITY, Colours().info, []) as sink,
        pytest.raises(GeneratorError, match="names a folder"),
    ):
        sink.put(request, ImageResult("k", np.zeros((16, 16, 3), np.uint8)))
