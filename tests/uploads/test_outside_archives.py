"""Archives as strangers send them: names without flags, Windows' backslashes, and those that must be refused."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command

from evaluation.errors import InputError
from evaluation.models import GenerationRun, Suite, Upload
from evaluation.services.suites.load import suite_load
from evaluation.services.uploads.archive import open_archive
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.receive import upload_receive
from tests.house.repository import CHECKOUT
from tests.uploads.conftest import image_bytes, nothing_is_kept

CASES = CHECKOUT.parent / "shared" / "cases"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
Make = Callable[[Mapping[str, bytes]], Path]

REFUSED = {
    "empty_name.zip": "an entry has an empty name",
    "local_name_not_utf8.zip": "has another name beside its data",
    "manifest_deepjson.zip": "nested too deeply",
    "manifest_huge_number.zip": "is not a whole number from 0 to",
    "manifest_nul.zip": "U+0000",
    "manifest_nul_json.zip": "U+0000",
    "manifest_surrogate.zip": "U+D800",
    "version_255.zip": "a newer form of zip",
}


@pytest.fixture
def twelve(db: None) -> Suite:
    """As many prompts as the archives of the cases have images."""
    prompts = "\n".join(f"thing number {number}" for number in range(12))
    return suite_load(source=prompts.encode(), name="twelve").suite


def received(path: Path, suite: Suite) -> Upload:
    """As a page or the API takes it."""
    return upload_receive(
        suite=suite, run_name="mine", generator="theirs", source=ContentFile(path.read_bytes(), path.name)
    )


@needs_cases
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_each_of_the_archives_is_refused_in_one_sentence(name: str, twelve: Suite, media: Path) -> None:
    with pytest.raises(InputError) as error:
        upload_check(upload=received(CASES / "zips" / name, twelve))
    assert REFUSED[name] in error.value.message
    assert "\x00" not in error.value.message and error.value.message.isprintable()
    assert nothing_is_kept(media)


@needs_cases
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_the_command_says_so_too(name: str, twelve: Suite) -> None:
    with pytest.raises(CommandError) as error:
        call_command(
            "upload_run", str(CASES / "zips" / name), "--suite", "twelve", "--name", "mine", "--generator", "theirs"
        )
    assert error.value.returncode == 2 and REFUSED[name] in str(error.value)
    assert not GenerationRun.objects.exists()


def all_matched(path: Path, suite: Suite, samples: int) -> None:
    upload = received(path, suite)
    assert upload_check(upload=upload)
    run = upload_confirm(upload=upload)
    assert run.samples_per_prompt == samples and run.samples.count() == samples * suite.prompts.count()


@needs_cases
@pytest.mark.parametrize(
    ("case", "archive", "samples"),
    [
        ("upload-utf8-names-without-flag", "nfc.zip", 2),
        ("upload-utf8-names-without-flag", "nfd.zip", 2),
        ("upload-windows-backslashes", "backslash.zip", 2),
        ("upload-manifest-semicolon", "images.zip", 2),
        ("upload-geneval-layout", "geneval.zip", 2),
        ("upload-one-based-five-digits", "full.zip", 1),
    ],
)
def test_archives_of_others_are_read(case: str, archive: str, samples: int, db: None) -> None:
    suite = suite_load(source=(CASES / case / "suite.csv").read_bytes(), name="theirs").suite
    all_matched(CASES / case / archive, suite, samples)


@needs_cases
def test_five_digits_that_leave_it_open_are_asked_about(db: None) -> None:
    case = CASES / "upload-one-based-five-digits"
    suite = suite_load(source=(case / "suite.csv").read_bytes(), name="theirs").suite
    upload = received(case / "short.zip", suite)
    assert upload_check(upload=upload)
    with pytest.raises(InputError, match="do they count from 0 or from 1") as error:
        upload_confirm(upload=upload, options={"ignore_problems": True, "allow_missing": True})
    assert error.value.field == "numbering"
    run = upload_confirm(upload=upload, options={"numbering": "from_one", "allow_missing": True})
    assert {sample.prompt.number for sample in run.samples.select_related("prompt")} == set(range(5))


MANIFEST = "file;prompt_id;sample\r\na.png;0;0\r\nb.png;1;0\r\nc.png;2;0\r\nd.png;3;0\r\n;;\r\n"


@pytest.mark.parametrize(
    "data",
    [
        MANIFEST.encode(),
        MANIFEST.encode("utf-16"),
        MANIFEST.replace(";", "\t").encode("utf-16"),
        b"sep=;\r\n" + MANIFEST.encode(),
        MANIFEST.replace(";", "|").encode("utf-8-sig"),
        MANIFEST.replace(";0;0", ";0.0;0").encode(),
    ],
)
def test_a_list_as_a_spreadsheet_saves_it(data: bytes, suite: Suite, make_zip: Make) -> None:
    images = {f"{letter}.png": image_bytes(at) for at, letter in enumerate("abcd")}
    all_matched(make_zip({"manifest.csv": data, **images}), suite, 1)


@pytest.mark.parametrize(
    "row",
    [
        {"file": "a.png", "prompt_id": 10**400},
        {"file": "a.png", "prompt_id": -1},
        {"file": "a.png", "prompt_id": 2**31},
        {"file": "a.png", "prompt_id": 0, "sample": "9" * 400},
        {"file": "a.png", "prompt_id": "\uff11"},
        {"file": "a.png", "prompt_id": "1_0"},
        {"file": "a\x00.png", "prompt_id": 0},
        {"file": "a.png", "prompt": "a \ud800 fox"},
        {"file": "a.png", "prompt": "a \u202e fox"},
        {"file": "a.png", "prompt": "x" * 32_001},
        {"file": "a" * 600, "prompt_id": 0},
        {"file": "a.png", "prompt_id": 0, "more": json.loads("[" * 70 + "]" * 70)},
    ],
)
def test_a_list_with_what_no_column_takes_is_refused(
    row: dict[str, object], suite: Suite, make_zip: Make, media: Path
) -> None:
    path = make_zip({"manifest.jsonl": json.dumps(row).encode(), "a.png": image_bytes(1)})
    with pytest.raises(InputError, match=r"line 1"):
        upload_check(upload=received(path, suite))
    assert nothing_is_kept(media)


def patched(data: bytes, *, name: bytes, other: bytes, local: bool, central: bool) -> bytes:
    """A zip with the bytes of an entry's name exchanged beside its data, in the list of entries, or in both."""
    assert len(name) == len(other)
    places = [at for at in range(len(data)) if data.startswith(name, at)]
    for wanted, at in ((local, places[0]), (central, places[-1])):
        if wanted:
            data = data[:at] + other + data[at + len(name) :]
    return data


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (b"abcdefgh\x00.png", "U+0000"),
        (b"abcdef\xe2\x80\xae.png", "U+202E"),
        (b"abcdef\xe2\x81\xa6.png", "U+2066"),
        (b"abcdefgh\x1b.png", "U+001B"),
    ],
)
def test_names_with_what_no_text_has(name: bytes, told: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("abcdefghi.png", b"x")
    path = tmp_path / "names.zip"
    path.write_bytes(patched(file.getvalue(), name=b"abcdefghi.png", other=name, local=True, central=True))
    with pytest.raises(InputError) as error, open_archive(path):
        pass
    assert told in error.value.message and error.value.message.isprintable()


@pytest.mark.parametrize(("local", "central"), [(True, False), (False, True)])
def test_two_names_for_one_entry(local: bool, central: bool, tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("abc.png", b"x")
    path = tmp_path / "two.zip"
    path.write_bytes(patched(file.getvalue(), name=b"abc.png", other=b"xyz.png", local=local, central=central))
    with pytest.raises(InputError, match="another name beside its data"), open_archive(path):
        pass


@pytest.mark.parametrize("version", [25, 46, 63, 64, 255])
def test_every_version_is_read_or_refused(version: int, tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("abc.png", b"x")
    data = bytearray(file.getvalue())
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 6, version)
    path = tmp_path / "version.zip"
    path.write_bytes(bytes(data))
    try:
        with open_archive(path) as opened:
            assert opened.read("abc.png", 10) == b"x"
    except InputError as error:
        assert version > 63 and "a newer form of zip" in error.message


def test_a_zip_with_both_slashes_names_the_odd_one(make_zip: Make) -> None:
    with pytest.raises(InputError, match="backslash"), open_archive(make_zip({"0/0.png": b"x", "0\\1.png": b"x"})):
        pass


def test_backslashes_lead_nowhere_else(make_zip: Make) -> None:
    for name in ("..\\evil.png", "run\\..\\..\\evil.png", "\\evil.png", "C:\\evil.png"):
        with pytest.raises(InputError, match=r"leaves its folder|absolute"), open_archive(make_zip({name: b"x"})):
            pass


def test_a_folder_with_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    try:
        (Path(str(tmp_path / "images")) / "a\udcff.png").write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(InputError, match="not UTF-8"), open_archive(tmp_path / "images"):
        pass
