"""Hashes: one form of a value, whole files, sets of files, and sources with the folders below them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.hashes import canonical_json, file_sha256, files_hash, hash_of, sources_version

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.booleans())
@settings(deadline=None)
def test_canonical_json_is_json_of_the_value(value: object, spaced: bool) -> None:
    assert json.loads(canonical_json(value, spaced=spaced)) == value


def test_the_two_forms() -> None:
    value = {"b": [1, "ü"], "a": None}
    assert canonical_json(value) == '{"a":null,"b":[1,"ü"]}'
    assert canonical_json(value, spaced=True) == '{"a": null, "b": [1, "\\u00fc"]}'
    assert hash_of(value) != hash_of(value, spaced=True)


def test_the_order_of_keys_does_not_count() -> None:
    assert hash_of({"a": 1, "b": {"c": 2, "d": 3}}) == hash_of({"b": {"d": 3, "c": 2}, "a": 1})


@pytest.mark.parametrize("spaced", [False, True])
def test_a_number_that_is_not_finite_has_no_hash(spaced: bool) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        hash_of({"rate": float("nan")}, spaced=spaced)


def test_of_a_file_and_of_several(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "abc") == known
    assert (
        files_hash({"a": known, "b": "0"}) == files_hash({"b": "0", "a": known}) != files_hash({"a": "0", "b": known})
    )


def test_a_version_of_sources_sees_every_file_below(tmp_path: Path) -> None:
    """Nested files, names and places count; other files, and folders that are left out, do not."""
    room, other = tmp_path / "room", tmp_path / "other"
    for place, text in (("a.py", "1"), ("inner/b.py", "2"), ("inner/c.txt", "3"), ("spared/d.py", "4")):
        (room / place).parent.mkdir(parents=True, exist_ok=True)
        (room / place).write_text(text)
    other.mkdir()
    (other / "e.py").write_text("5")

    def version() -> str:
        return sources_version(room, other, leave_out=["spared"])

    seen = [version()]
    assert len(seen[0]) == 16
    (room / "inner/c.txt").write_text("changed")
    (room / "spared/d.py").write_text("changed")
    assert version() == seen[0]
    (room / "inner/b.py").write_text("changed")
    seen.append(version())
    (room / "inner/b.py").rename(room / "b.py")
    seen.append(version())
    (other / "e.py").write_text("changed")
    seen.append(version())
    (other / "e.py").rename(room / "e.py")
    seen.append(version())
    assert len(set(seen)) == 5
