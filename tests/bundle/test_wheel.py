"""The verifier as a stranger has it: its wheel, in an environment with nothing but what it names."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from common.places import CHECKOUT
from evaluation.models import Rating
from evaluation.reports.bundle.contents import read_bundle
from evaluation.reports.bundle.made_with import made_with
from evaluation.services.demo import DemoSize, demo_begin
from tests.bundle.world import answered, exported, needed_distributions, normal, rewritten

pytestmark = [pytest.mark.django_db, pytest.mark.longest]

PROJECT = tomllib.loads((CHECKOUT / "packages" / "verify" / "pyproject.toml").read_text(encoding="utf-8"))
LEFT_OUT = shutil.ignore_patterns("static", "locale", "migrations", "__pycache__")


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO"))}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment's programs: the wheel is built and installed, and each distribution that it needs is
    linked into it from here; there is no network.
    """
    place = tmp_path_factory.mktemp("verifier")
    for name in ("common", "evaluation"):  # a build leaves files in the tree that it is made from
        shutil.copytree(CHECKOUT / name, place / name, ignore=LEFT_OUT)
    shutil.copytree(CHECKOUT / "packages" / "verify", place / "packages" / "verify")
    build = ("-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", place)
    built = run(sys.executable, *build, place / "packages" / "verify", cwd=place)
    assert built.returncode == 0, built.stderr
    [wheel] = place.glob("*.whl")
    assert wheel.name.startswith(f"drawbench_verify-{PROJECT['project']['version']}-")
    venv.create(place / "env", with_pip=False, system_site_packages=False, symlinks=True)
    programs = place / "env" / "bin"
    into = ("-m", "pip", "--python", programs / "python", "install", "--quiet", "--no-deps", "--no-index", wheel)
    done = run(sys.executable, *into, cwd=place)
    assert done.returncode == 0, done.stderr
    told = run(programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place)
    site = Path(told.stdout.strip())
    assert site.is_relative_to(place)
    for name in needed_distributions(*PROJECT["project"]["dependencies"]):
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(str(distribution.locate_file(top)))
    return programs


def test_the_environment_has_what_the_wheel_names_and_nothing_else(installed: Path, tmp_path: Path) -> None:
    listed = run(
        installed / "python",
        *("-c", "import importlib.metadata as m; print(*(each.name for each in m.distributions()))"),
        cwd=tmp_path,
    ).stdout.split()
    names = {normal(each) for each in listed}
    assert {"drawbench-verify", "numpy", "scipy", "pandas", "cryptography"} <= names
    assert not {"django", "torch", "matplotlib", "pillow"} & names and len(names) < 16, names
    for module in ("django", "torch", "evaluation.models", "tests", "drawbench"):
        assert run(installed / "python", "-c", f"import {module}", cwd=tmp_path).returncode == 1, module
    told = run(installed / "verify_bundle", "--version", cwd=tmp_path).stdout.strip()
    assert told == f"{made_with()['check_with']}, sources {made_with()['sources']}", "the platform's own sources"


def test_it_verifies_a_bundle_and_names_what_was_changed(installed: Path, tmp_path: Path) -> None:
    bundle = exported(answered(), tmp_path / "whole.zip")
    done = run(installed / "verify_bundle", bundle, "--format", "json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["holds"] and found["n_numbers"] > 200 and found["remarks"] == []
    ratings = read_bundle(bundle).files["ratings.csv"].replace(b",fidelity,", b",alignment,", 1)
    changed = rewritten(bundle, tmp_path / "changed.zip", {"ratings.csv": ratings}, anew=True)
    done = run(installed / "verify_bundle", changed, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "") and "column question" in done.stdout


def test_it_verifies_the_demonstration_s_bundle(installed: Path, tmp_path: Path) -> None:
    demo = demo_begin(size=DemoSize(), say=lambda _: None, wait=lambda _: None)
    bundle = exported(demo.study, tmp_path / "demo.zip")
    done = run(installed / "verify_bundle", bundle, "--format", "json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    found = json.loads(done.stdout)
    n = Rating.objects.filter(assignment__rater__study=demo.study).count()
    assert found["holds"] and found["n_ratings"] == n > 100 and found["study"] == demo.study.name
