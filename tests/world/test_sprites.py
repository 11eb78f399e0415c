"""Sprites: packages are known by what is inside them, drawings fill their squares, and what ships is whole."""

import io
import json
import re
import sys
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from generators.world import sprites
from generators.world.scenes.concepts import CONCEPTS
from generators.world.scenes.drawings import DRAWINGS, drawing_key, natural_colours, read_drawings
from generators.world.scenes.grounds import GROUNDS
from generators.world.scenes.words import COLOURS, PLACES
from generators.world.sprites import ART, SOURCES, filled, load_sprites, main, main_colours, source_of, visible
from tests.world.test_scenes import disc


def package(folder: Path, name: str, version: str, icons: dict[str, str]) -> Path:
    """An npm package as npm pack writes it."""
    path = folder / f"{name.split('/')[-1]}-{version}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for file, held in (
            ("package.json", {"name": name, "version": version}),
            ("icons.json", {"width": 32, "height": 32, "icons": {key: {"body": body} for key, body in icons.items()}}),
        ):
            data = json.dumps(held).encode()
            entry = tarfile.TarInfo(f"package/{file}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def test_packages_are_known_by_their_names(tmp_path: Path) -> None:
    for name, source in SOURCES.items():
        if source.package:
            assert source_of(package(tmp_path, source.package, source.version, {})) == name


def test_other_packages_and_versions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="version 9.9.9; drawings are chosen from 1.2.9"):
        source_of(package(tmp_path, "@iconify-json/noto", "9.9.9", {}))
    with pytest.raises(ValueError, match=r"is 'left-pad'; wanted are: @iconify-json/noto"):
        source_of(package(tmp_path, "left-pad", "1.0.0", {}))
    broken = tmp_path / "broken.tgz"
    broken.write_bytes(b"not a package")
    with pytest.raises(ValueError, match="not an npm package"):
        source_of(broken)


def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noto = package(tmp_path, "@iconify-json/noto", "1.2.9", {})
    assert main([str(noto), "--out", str(tmp_path / "out.npz")]) == 2
    assert "npm pack @iconify-json/fluent-emoji-flat@1.2.6" in capsys.readouterr().err
    assert not (tmp_path / "out.npz").exists()


def test_an_icon_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = {
        name: package(tmp_path, source.package, source.version, {})
        for name, source in SOURCES.items()
        if source.package
    }
    monkeypatch.setitem(sys.modules, "pyvips", object())
    with pytest.raises(ValueError, match=r"no icon 'red-apple'; concepts\.csv names it"):
        sprites.build_sprites(packs)


def test_no_sprites_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"npm pack @iconify-json/noto@1\.2\.9 .*generators\.world\.sprites"):
        load_sprites(tmp_path / "none.npz")


def test_drawings_fill_their_squares() -> None:
    flat = np.zeros((200, 200, 4), dtype=np.uint8)
    flat[90:110, 30:180] = (10, 20, 30, 255)
    square = filled(flat, 64)
    assert square.shape == (64, 64, 4)
    wide, high = visible(square)
    assert wide == pytest.approx(0.96, abs=0.02) and high == pytest.approx(0.96 * 20 / 150, abs=0.04)
    rows = np.flatnonzero(square[..., 3].any(axis=1))
    assert abs(rows.mean() - 31.5) <= 1
    with pytest.raises(ValueError, match="empty"):
        filled(np.zeros((8, 8, 4), dtype=np.uint8), 64)


def test_main_colours() -> None:
    sprite = disc()
    sprite[..., :3] = COLOURS["red"]
    assert main_colours(sprite) == ["red"]
    sprite[:, :100, :3] = COLOURS["blue"]
    assert main_colours(sprite) == ["red", "blue"]


def test_every_drawing_is_in_the_table() -> None:
    """Made by `--drawings` with the sprites: it goes with concepts.csv."""
    wanted = {drawing_key(name, index) for name, held in CONCEPTS.items() for index in range(len(held.drawings))}
    assert set(DRAWINGS) == wanted
    for held in DRAWINGS.values():
        assert 0.9 < max(held.extent) <= 1 and min(held.extent) > 0.1
        assert held.colours and set(held.colours) <= set(COLOURS)
    assert read_drawings() == DRAWINGS
    assert "red" in natural_colours("strawberry") and natural_colours("unheard of") == frozenset()


def test_every_drawing_has_a_licence_that_lets_weights_be_given_away() -> None:
    assert {source.licence for source in SOURCES.values()} == {"Apache-2.0", "MIT", "CC0-1.0"}
    for held in CONCEPTS.values():
        assert {source for source, _ in held.drawings} <= set(SOURCES)


def test_own_drawings_are_all_used_and_all_there() -> None:
    named = {drawing for held in CONCEPTS.values() for source, drawing in held.drawings if source == "own"}
    assert named == {path.stem for path in ART.glob("*.svg")}
    assert {place.replace(" ", "-") for place in PLACES} == {path.stem for path in (ART / "places").glob("*.svg")}
    assert set(GROUNDS) == set(PLACES)


@pytest.mark.parametrize("path", sorted(ART.rglob("*.svg")), ids=lambda path: path.stem)
def test_own_drawings_are_plain_vector_art(path: Path) -> None:
    """No text, no images, nothing fetched: shapes alone, in a square of 100."""
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    assert root.attrib["viewBox"] == "0 0 100 100"
    shapes = {re.sub(r"\{.*\}", "", node.tag) for node in root.iter()}
    assert shapes <= {"svg", "g", "path", "rect", "circle", "ellipse"}
