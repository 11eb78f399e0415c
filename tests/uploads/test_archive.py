"""Zips and folders made to do harm: refused whole, with their entries named, before a byte is unpacked."""

from __future__ import annotations

import os
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from evaluation.errors import InputError
from evaluation.services.uploads import entries as upload_entries
from evaluation.services.uploads import zips as upload_zips
from evaluation.services.uploads.archive import open_archive
from evaluation.services.uploads.entries import DamagedEntryError
from tests.uploads.conftest import image_bytes

Make = Callable[[Mapping[str, bytes]], Path]


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as error, open_archive(path):
        pass
    return error.value.message


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../evil.png", "leaves its folder"),
        ("a/../../evil.png", "leaves its folder"),
        ("..\\evil.png", "leaves its folder"),
        ("/etc/evil.png", "has an absolute path"),
        ("C:/evil.png", "has an absolute path"),
        ("C:\\evil.png", "has an absolute path"),
        ("a\\b.png", "has a backslash"),
        ("a\nb.png", "control characters"),
        ("/".join("abcdefghijklm") + ".png", "more than 10 folders deep"),
        ("x" * 501 + ".png", "more than 500 characters"),
    ],
)
def test_names(make_zip: Make, name: str, told: str) -> None:
    message = refusal(make_zip({"0/0.png": b"fine", name: b"x"}))
    assert told in message and "nothing was stored" in message and "0/0.png" not in message


def test_links_and_devices(tmp_path: Path) -> None:
    path = tmp_path / "links.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, kind in (("link.png", stat.S_IFLNK), ("device.png", stat.S_IFCHR)):
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (kind | 0o777) << 16
            archive.writestr(info, "/etc/passwd")
    message = refusal(path)
    assert "link.png is a link" in message and "device.png is not a file" in message


def test_links_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").symlink_to("/etc/passwd")
    (tmp_path / "images" / "away").symlink_to("/etc")
    os.mkfifo(tmp_path / "images" / "pipe.png")
    message = refusal(tmp_path / "images")
    assert "a.png is a link" in message and "away is a link" in message and "pipe.png is not a file" in message


def test_case_collisions(make_zip: Make) -> None:
    assert "a/B.png differs from A/b.png only by case" in refusal(make_zip({"A/b.png": b"1", "a/B.png": b"2"}))


def test_a_name_that_is_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("0.png", b"one")
        archive.writestr("0.png", b"two")
    assert "0.png occurs twice" in refusal(path)


def test_a_bomb_by_its_ratio(make_zip: Make) -> None:
    assert "unpacks to more than 100 times its size" in refusal(make_zip({"0.png": bytes(20 * 2**20)}))


def test_a_bomb_that_lies_about_its_size(make_zip: Make) -> None:
    path = make_zip({"0.png": bytes(8 * 2**20)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)  # says that it unpacks to 100 bytes
    path.write_bytes(bytes(data))
    with open_archive(path) as archive:
        try:
            assert len(archive.read("0.png", 1000)) <= 1001
        except DamagedEntryError as error:
            assert "can't be unpacked" in str(error)


def test_entries_that_overlap(make_zip: Make) -> None:
    path = make_zip({"0.png": os.urandom(2000), "1.png": os.urandom(2000)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 42 : at + 46] = struct.pack("<I", 0)  # the second entry's data are the first's
    path.write_bytes(bytes(data))
    assert "overlaps another entry" in refusal(path)


def test_encrypted_and_exotic_entries(make_zip: Make, tmp_path: Path) -> None:
    path = make_zip({"0.png": b"secret"})
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    assert "is encrypted" in refusal(path)
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("0.png", b"x" * 100)
    assert "stored or deflated" in refusal(tmp_path / "lzma.zip")


def test_too_much(make_zip: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip({f"{number}.png": b"x" for number in range(20)})
    monkeypatch.setattr(upload_entries, "MAX_FILES", 19)
    assert "more than 19 files" in refusal(path)
    monkeypatch.setattr(upload_zips, "MAX_DIRECTORY_BYTES", 500)
    assert "list of entries is too long" in refusal(path)


def test_a_list_of_entries_that_would_fill_the_memory_in_a_large_zip(tmp_path: Path) -> None:
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 9, 9, 2**40, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    (tmp_path / "big.zip").write_bytes(
        end + locator + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, 2**32 - 1, 0, 0)
    )
    assert "list of entries is too long" in refusal(tmp_path / "big.zip")


@pytest.mark.parametrize("keep", [10, 100, -30])
def test_cut_off(make_zip: Make, keep: int) -> None:
    path = make_zip({"0.png": image_bytes(1)})
    path.write_bytes(path.read_bytes()[:keep])
    assert "can't be read as a zip" in refusal(path)


def test_damage_inside_is_the_entry_s_own(make_zip: Make) -> None:
    path = make_zip({"0.png": image_bytes(1), "1.png": image_bytes(2)})
    data = bytearray(path.read_bytes())
    data[200:400] = bytes(200)
    path.write_bytes(bytes(data))
    with open_archive(path) as archive:
        with pytest.raises(DamagedEntryError, match="Create the archive again"):
            archive.read("0.png", 10**6)
        assert archive.read("1.png", 10**6) == image_bytes(2)


def test_empty(make_zip: Make, tmp_path: Path) -> None:
    assert "is empty" in refusal(make_zip({}))
    (tmp_path / "nothing").mkdir()
    assert "is empty" in refusal(tmp_path / "nothing")
