"""The folder generator: files served as if drawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from common.images import encode_png
from generators import registry
from generators.conformance import check
from generators.contract import Generator, GeneratorError, ImageRequest, ImageResult
from generators.filenames.captions import CaptionChoice
from generators.filenames.layout import Layout, Numbering, Order, SampleNumbering
from generators.rivals import folder

TEXTS = ("A red car.", "A blue bird.", "Two dogs")


def picture(prompt: int, sample: int) -> np.ndarray:
    """A picture that tells which it is."""
    return np.full((20, 24, 3), 40 * prompt + 10 * sample, np.uint8)


def fill(folder: Path, form: str, prompts: int = 3, samples: int = 2) -> Path:
    """Pictures in a layout."""
    for prompt in range(prompts):
        for sample in range(samples):
            path = folder / form.format(p=prompt, s=sample, p1=prompt + 1, text=TEXTS[prompt])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(picture(prompt, sample)))
    return folder


def ask(generator: Generator, prompt: int, sample: int, text: str = "") -> ImageResult:
    """One request."""
    request = ImageRequest("k", f"{prompt:05d}", text or TEXTS[prompt], sample, 1)
    return next(iter(generator.generate([request])))


def load(folder: Path, **settings: str) -> Generator:
    """The generator of a folder."""
    parameters: Mapping[str, object] = {"path": str(folder), **settings}
    return registry.load("folder", parameters)


def prompts_file(tmp_path: Path) -> str:
    """The prompts in a file."""
    path = tmp_path / "prompts.txt"
    path.write_text("\n".join(TEXTS))
    return str(path)


@pytest.mark.parametrize("form", ["{p:05d}/{s}.png", "{p}/{s}.png", "x/{p:05d}_{s}.png"])
def test_it_serves_by_number(tmp_path: Path, form: str) -> None:
    generator = load(fill(tmp_path / "f", form))
    for prompt in range(3):
        for sample in range(2):
            result = ask(generator, prompt, sample)
            assert result.image is not None and np.array_equal(result.image, picture(prompt, sample))
            assert result.provenance["file"]
    missing = ask(generator, 0, 2)
    assert missing.failure is not None and not missing.failure.kind.retryable
    assert missing.failure.message == "the folder has no image for prompt 00000, sample 2"
    generator.close()


def test_texts_need_the_prompts_and_are_then_checked(tmp_path: Path) -> None:
    folder = fill(tmp_path / "f", "{text}/{s}.png")
    with pytest.raises(GeneratorError, match="need the parameter prompts"):
        load(folder)
    generator = load(folder, prompts=prompts_file(tmp_path))
    assert ask(generator, 1, 1).image is not None
    other = ask(generator, 1, 1, text="A green boat.")
    assert other.failure is not None
    assert other.failure.message == 'the folder\'s prompt 00001 is "A blue bird.", and "A green boat." was asked for'
    generator.close()


def test_a_count_in_doubt_is_refused_with_the_parameter_that_settles_it(tmp_path: Path) -> None:
    folder = fill(tmp_path / "f", "{p1}_{s}.png")
    with pytest.raises(GeneratorError, match="do they count from 0 or from 1. Say numbering=from_zero or from_one"):
        load(folder)
    generator = load(folder, numbering="from_one")
    image = ask(generator, 2, 1).image
    assert image is not None and image[0, 0, 0] == 90
    generator.close()


@pytest.mark.parametrize(
    ("settings", "message"), [({"path": "/nowhere/at/all"}, "there is no folder"), ({}, "holds no image")]
)
def test_bad_folders(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    (tmp_path / "readme.txt").write_text("x")
    with pytest.raises(GeneratorError, match=message):
        load(tmp_path, **settings)


def test_a_damaged_file_is_a_failure_of_its_own_request(tmp_path: Path) -> None:
    folder = fill(tmp_path / "f", "{p:05d}/{s}.png")
    (folder / "00001/0.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    Image.new("RGB", (20, 20)).save(folder / "00002/0.png", "JPEG")
    generator = load(folder)
    for prompt, words in ((1, "damaged"), (2, "rename it to .jpg")):
        failure = ask(generator, prompt, 0).failure
        assert failure is not None and words in failure.message and f"0000{prompt}/0.png" in failure.message
    assert ask(generator, 0, 0).image is not None
    generator.close()


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    folder = fill(tmp_path / "f", "{p:05d}/{s}.png")
    first = load(folder).info.weights_fingerprint
    assert first == load(fill(tmp_path / "g", "{p:05d}/{s}.png")).info.weights_fingerprint
    (folder / "00000/0.png").write_bytes(encode_png(picture(2, 2)))
    assert load(folder).info.weights_fingerprint != first


def test_links_are_not_followed(tmp_path: Path) -> None:
    folder = fill(tmp_path / "f", "{p:05d}/{s}.png")
    secret = tmp_path / "secret.png"
    secret.write_bytes(encode_png(picture(0, 0)))
    (folder / "00000/5.png").symlink_to(secret)
    generator = load(folder)
    failure = ask(generator, 0, 5).failure
    assert failure is not None and "it is a link" in failure.message
    generator.close()


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    folder = fill(tmp_path / "f", "{p:05d}/{s}.png", samples=3)
    findings = check(load(folder), prompts=[("00000", TEXTS[0]), ("00001", TEXTS[1])])
    assert [finding.message for finding in findings if not finding.warning] == []
    assert [finding.check for finding in findings] == ["seeds"]


def test_sample_wants_the_file_of_prompts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given as the command's or as the generator's, it serves both."""
    from generators.sample import main

    (tmp_path / "theirs").mkdir()
    prompts = ["A red car.", "Two cats."]
    for number, text in enumerate(prompts):
        Image.new("RGB", (32, 32), (number * 90, 0, 0)).save(tmp_path / "theirs" / f"{text.strip('.')}.png")
    file = tmp_path / "prompts.txt"
    file.write_text("\n".join(prompts))
    path = f"path={tmp_path / 'theirs'}"
    for number, given in enumerate((["--prompts-file", str(file)], ["--set", f"prompts={file}"])):
        out = tmp_path / f"out{number}"
        assert main(["--generator", "folder", "--set", path, *given, "--out", str(out)]) == 0, capsys.readouterr().err
        assert sorted(one.parent.name for one in out.rglob("*.png")) == ["00000", "00001"]


def test_what_is_asked_can_be_answered(tmp_path: Path) -> None:
    """Every option that a question names is a parameter, with all of its answers."""
    given = {parameter.name: parameter.choices for parameter in folder.SPEC.parameters}
    for option, kind in (("layout", Layout), ("numbering", Numbering), ("sample_numbering", SampleNumbering)):
        assert given[option] == get_args(kind)
    assert given["order"] == get_args(Order) and given["captions"] == get_args(CaptionChoice)
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("1\n0\n")
    files = tmp_path / "f"
    files.mkdir()
    for name in ("0", "1"):
        (files / f"{name}.png").write_bytes(encode_png(picture(0, 0)))
    with pytest.raises(GeneratorError, match="numbering="):
        load(files, prompts=str(numbers))
    assert load(files, prompts=str(numbers), numbering="texts")


def test_a_list_of_shuffled_prompts_beside_the_images_is_asked_about(tmp_path: Path) -> None:
    """Whose numbers the files have is not guessed."""
    files = fill(tmp_path / "f", "{p:05d}.png", samples=1)
    (files / "prompts.txt").write_text("\n".join(reversed(TEXTS)))
    asked = prompts_file(tmp_path)
    with pytest.raises(GeneratorError, match="order="):
        load(files, prompts=asked)
    for order, shown in (("suite", 0), ("list", 2)):
        result = ask(load(files, prompts=asked, order=order), 0, 0)
        assert result.image is not None and np.array_equal(result.image, picture(shown, 0))
