"""The contract as a package of its own, and the template of a plug-in: built, installed elsewhere, and used there."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.places import CHECKOUT
from generators import contract

TEMPLATE = CHECKOUT / "packages" / "generator-template"
LEFT_OUT = shutil.ignore_patterns("weights", "cascade", "contenders", "world", "training", "__pycache__")


def _run(*arguments: object, cwd: Path, site: Path | None = None) -> str:
    """A program that sees the folder `site` and the packages of .venv, and nothing of the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PYTHONPATH": str(site)} if site else {}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the contract and the template were installed from their wheels, without any network."""
    place = tmp_path_factory.mktemp("installed")
    for name in ("common", "generators"):  # a build leaves files in the tree that it is made from
        shutil.copytree(CHECKOUT / name, place / name, ignore=LEFT_OUT)
    shutil.copytree(CHECKOUT / "packages", place / "packages")
    for project in ("generators", "generator-template"):
        build = ("-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir")
        _run(*build, place / "wheels", place / "packages" / project, cwd=place)
    wheels = sorted((place / "wheels").iterdir())
    assert [wheel.name.split("-")[0] for wheel in wheels] == ["acme_stripes", "drawbench_generators"]
    target = place / "site"
    _run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, *wheels, cwd=place)
    return target


def test_the_template_keeps_the_contract_with_the_installed_package(site: Path, tmp_path: Path) -> None:
    where = _run(
        "-c", "import generators, common; print(generators.__file__, common.__file__)", cwd=tmp_path, site=site
    )
    assert all(Path(file).is_relative_to(site) for file in where.split())
    told = json.loads(_run("-m", "generators.conformance", "stripes", "--format", "json", cwd=tmp_path, site=site))
    assert told["passed"] is True and told["findings"] == []
    listed = _run("-m", "generators.list", cwd=tmp_path, site=site)
    assert "stripes" in listed and "folder" in listed and "cascade" not in listed
    draw = ("--generator", "stripes", "--prompt", "A red car", "--out", tmp_path / "out")
    _run("-m", "generators.sample", *draw, cwd=tmp_path, site=site)
    assert len(list((tmp_path / "out").rglob("*.png"))) == 1


def test_the_templates_own_test_passes(site: Path, tmp_path: Path) -> None:
    shutil.copy(TEMPLATE / "test_acme_stripes.py", tmp_path)
    told = _run("-m", "pytest", "-q", "-p", "no:django", "-p", "no:cacheprovider", ".", cwd=tmp_path, site=site)
    assert "1 passed" in told


def test_the_installed_package_brings_nothing_heavy(site: Path, tmp_path: Path) -> None:
    assert not (site / "generators" / "cascade").exists() and not (site / "evaluation").exists()
    script = (
        "import sys, generators.registry, generators.conformance; generators.registry.entries(); print(*sys.modules)"
    )
    loaded = _run("-c", script, cwd=tmp_path, site=site).split()
    assert not {"torch", "django", "transformers"} & set(loaded)


FIELDS = """
import dataclasses, json
from generators import contract
print(json.dumps({
    name: [[field.name, str(field.type)] for field in dataclasses.fields(kind)]
    for name, kind in sorted(vars(contract).items())
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}))
"""


def test_the_installed_contract_has_every_field_of_the_platform_s(site: Path, tmp_path: Path) -> None:
    installed = json.loads(_run("-c", FIELDS, cwd=tmp_path, site=site))
    ours = {
        name: [[field.name, str(field.type)] for field in dataclasses.fields(kind)]
        for name, kind in sorted(vars(contract).items())
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
    }
    assert installed == ours and {"GeneratorSpec", "GeneratorInfo", "ImageRequest", "ImageResult"} <= set(ours)
    assert ["devices_by", "str"] in installed["GeneratorSpec"]


def test_the_page_tells_of_every_field_that_a_spec_may_have() -> None:
    page = (CHECKOUT / "docs" / "writing-a-generator.md").read_text()
    template = (TEMPLATE / "acme_stripes.py").read_text()
    names = {field.name for field in dataclasses.fields(contract.GeneratorSpec)}
    assert {name for name in names if f"GeneratorSpec.{name}`" not in page and f"{name}=" not in template} == set()


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        ('lambda parameters: ("cpu",)', ""),
        ('lambda parameters: "cpu"', "where kinds of device belong"),
        ("lambda parameters: ()", "it answers () where kinds of device belong"),
        ("lambda parameters: 1 / 0", "acme_where:devices raised ZeroDivisionError"),
    ],
)
def test_what_a_plug_in_says_of_its_devices_is_checked_with_the_installed_package(
    site: Path, tmp_path: Path, answer: str, finding: str
) -> None:
    plugged = tmp_path / "plugged"
    shutil.copytree(site, plugged)
    (plugged / "acme_where.py").write_text(f"devices = {answer}\n")
    stripes = plugged / "acme_stripes.py"
    stripes.write_text(stripes.read_text().replace('devices=("cpu",),', 'devices_by="acme_where:devices",'))
    script = (
        "from generators import conformance, registry; spec = registry.get_spec('stripes'); "
        "print(*conformance.check_devices(spec, spec.resolve({})))"
    )
    told = _run("-c", script, cwd=tmp_path, site=plugged)
    assert (finding in told and "check='devices_by'" in told) if finding else not told.strip()


def test_the_page_shows_the_template_as_it_is() -> None:
    page = (CHECKOUT / "docs" / "writing-a-generator.md").read_text()
    blocks = re.findall(r"^```\w+\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    for file in ("pyproject.toml", "acme_stripes.py", "test_acme_stripes.py"):
        assert (TEMPLATE / file).read_text() in blocks, file
