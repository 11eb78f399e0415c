"""Generators by name: built in, from plug-ins, broken, unknown; and what importing costs."""

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from generators import registry
from generators.contract import GeneratorError, GeneratorSpec
from tests.generators.colours import Colours

ROOT = Path(__file__).parents[2]

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a package of entry points for this test: `install("pkg", name="module:attribute", ...)`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(package: str, **points: str) -> Path:
        folder = tmp_path / f"{package}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "\n".join(f"{name} = {reference}" for name, reference in points.items())
        (folder / "entry_points.txt").write_text(f"[drawbench.generators]\n{lines}\n")
        return tmp_path

    return installed


def test_importing_the_registry_and_reading_specs_imports_no_torch() -> None:
    script = (
        "import sys; from generators import registry; "
        "assert not [m for m in sys.modules if m.startswith(('generators.cascade', 'generators.rivals.'))]; "
        "assert {'cascade', 'folder'} <= set(registry.names()); "
        "assert all(not e.error for e in registry.entries()), registry.entries(); "
        "assert 'torch' not in sys.modules and 'generators.cascade.generator' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_folder_loads_without_torch(tmp_path: Path) -> None:
    script = (
        "import sys; from generators import registry; from common.images import encode_png; import numpy as np; "
        "from pathlib import Path; p = Path(sys.argv[1]); (p / '00000').mkdir(); "
        "(p / '00000' / '0.png').write_bytes(encode_png(np.zeros((16, 16, 3), np.uint8))); "
        "registry.load('folder', {'path': str(p)}); assert 'torch' not in sys.modules"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_a_name_that_does_not_ship_is_looked_for_in_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def looked(*, group: str) -> tuple[()]:
        looks.append(group)
        return ()

    monkeypatch.setattr("common.plugins.metadata.entry_points", looked)
    assert registry.get_spec("folder").name == "folder" and looks == []
    with pytest.raises(GeneratorError, match="unknown generator"):
        registry.get_spec("not-there")
    assert looks == ["drawbench.generators"]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(GeneratorError) as caught:
        registry.get_spec("cascad")
    assert str(caught.value).startswith('unknown generator "cascad"; did you mean "cascade"? Generators: cascade, ')
    with pytest.raises(GeneratorError, match=r'unknown generator "zzz"\. Generators: cascade, '):
        registry.get_spec("zzz")


def test_a_plug_in_is_found_and_loaded(install: Install) -> None:
    install("acme", colours="tests.generators.colours:SPEC")
    entry = next(entry for entry in registry.entries() if entry.name == "colours")
    assert (entry.source, entry.error) == ("acme 1.0", "")
    generator = registry.load("colours", {"brightness": "1"}, size=16)
    assert isinstance(generator, Colours)
    assert (generator.size, generator.brightness) == (16, 1.0)


@pytest.mark.parametrize(
    ("source", "reference", "message"),
    [
        ("raise RuntimeError('no licence')", "broken:SPEC", "RuntimeError: no licence"),
        ("import sys; sys.exit(3)", "broken:SPEC", "SystemExit: 3"),
        ("SPEC = 3", "broken:SPEC", "is a int, not a generators.contract.GeneratorSpec"),
        ("", "broken:SPEC", "AttributeError"),
        ("", "nowhere:SPEC", "No module named 'nowhere'"),
        (
            "from generators.contract import GeneratorSpec\nSPEC = GeneratorSpec('other', '', 'a:b')",
            "broken:SPEC",
            'the entry point is called "bad" and its spec "other"',
        ),
    ],
)
def test_a_broken_plug_in_is_listed_with_its_error_and_harms_no_other(
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    reference: str,
    message: str,
) -> None:
    folder = install("brokenpkg", bad=reference)
    (folder / "broken.py").write_text(source)
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    found = {entry.name: entry for entry in registry.entries()}
    assert message in found["bad"].error
    assert found["bad"].spec is None
    assert found["cascade"].spec is not None and found["folder"].spec is not None
    with pytest.raises(GeneratorError, match=r'generator "bad" \(brokenpkg 1.0\) can\'t be used'):
        registry.get_spec("bad")
    monkeypatch.delitem(sys.modules, "broken", raising=False)


def test_names_are_unique(install: Install) -> None:
    install("thief", cascade="tests.generators.colours:SPEC")
    install("one", colours="tests.generators.colours:SPEC")
    install("two", colours="tests.generators.colours:SPEC")
    stolen = [entry for entry in registry.entries() if entry.name == "cascade"]
    assert [bool(entry.error) for entry in stolen] == [False, True]
    assert registry.get_spec("cascade").factory.startswith("generators.cascade")
    with pytest.raises(GeneratorError, match=r'the name "colours" is also claimed by (one|two) 1\.0'):
        registry.get_spec("colours")


def test_sizes_and_devices_are_checked(install: Install) -> None:
    install("acme", colours="tests.generators.colours:SPEC")
    spec = registry.get_spec("colours")
    assert registry.default_size(spec) == 16
    assert registry.default_size(registry.get_spec("cascade")) == 256
    assert registry.check_size(registry.get_spec("folder"), 512) == 0
    with pytest.raises(GeneratorError, match=r"makes no images of size 32\. Its sizes: 16, 64\."):
        registry.load("colours", {}, size=32)
    with pytest.raises(GeneratorError, match=r'can\'t run on device "cuda"\. Its devices: auto, cpu\.'):
        registry.load("colours", {}, device="cuda")
    assert registry.resolve_device(spec, "auto") == "cpu"
    with pytest.raises(GeneratorError, match='this machine has no device "cuda:99"'):
        registry.resolve_device(registry.get_spec("cascade"), "cuda:99")


def test_a_factory_that_fails_is_a_message(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("acme", colours="tests.generators.colours:SPEC")
    monkeypatch.setattr("tests.generators.colours.load_colours", lambda parameters, size, device: 1 / 0)
    with pytest.raises(GeneratorError, match='generator "colours" could not be loaded: ZeroDivisionError'):
        registry.load("colours", {})
    monkeypatch.setattr("tests.generators.colours.load_colours", lambda parameters, size, device: object())
    with pytest.raises(GeneratorError, match="gave a object, which lacks one of batch_size"):
        registry.load("colours", {})


def test_what_a_spec_names_and_fails_is_a_message() -> None:
    """Price, devices, identity and what is missing are asked by pages and lists, which no plug-in may break."""
    spec = GeneratorSpec("mine", "", "x:y", price="x:y", devices_by="x:y", identity="x:y", missing="x:y")
    says = r'generator "mine": x:y raised ModuleNotFoundError'
    asks: list[Callable[[], object]] = [
        lambda: registry.expected_usd(spec, {}, n_images=1),
        lambda: registry.devices_of(spec, {}),
        lambda: registry.identity(spec, {}, 0),
    ]
    for ask in asks:
        with pytest.raises(GeneratorError, match=says):
            ask()
    assert [bool(re.match(says, told)) for told in registry.missing(spec)] == [True, True]
    odd = dataclasses.replace(spec, price="os:getcwd", identity="", missing="os:getcwd")
    assert registry.missing(odd) == [os.getcwd()]
    with pytest.raises(GeneratorError, match="os:getcwd raised TypeError"):
        registry.expected_usd(odd, {}, n_images=1)
