"""The verifier alone, as `packages/verify` ships it: neither Django nor torch, nor anything that it does not name."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from common.places import CHECKOUT
from tests.bundle.world import answered, exported, needed_distributions, normal, screened

pytestmark = pytest.mark.django_db

PROJECT = tomllib.loads((CHECKOUT / "packages" / "verify" / "pyproject.toml").read_text(encoding="utf-8"))

ALONE = """
import importlib.machinery, sys
sys.path[:] = [sys.argv[1], *(each for each in sys.path if each and each != {checkout!r})]
class Installed(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        found = super().find_spec(name, path, target)
        own = name.partition(".")[0]
        elsewhere = found is not None and "site-packages" in str(found.origin or found.submodule_search_locations)
        return None if elsewhere and own not in {allowed!r} else found
sys.meta_path[:] = [Installed if each is importlib.machinery.PathFinder else each for each in sys.meta_path]
from {module} import {function}
raise SystemExit({function}(sys.argv[2:]))
"""


def needed(*names: str) -> set[str]:
    """Modules of the distributions with these names, and of all that those need."""
    wanted = needed_distributions(*names)
    by_module = importlib.metadata.packages_distributions()
    return {each for each, owners in by_module.items() if wanted & {normal(owner) for owner in owners}}


def test_it_verifies_without_the_platform(tmp_path: Path) -> None:
    allowed = needed(*PROJECT["project"]["dependencies"])
    assert {"numpy", "scipy", "pandas", "cryptography"} <= allowed and not {"django", "torch", "matplotlib"} & allowed
    alone = tmp_path / "alone"
    for package in PROJECT["tool"]["setuptools"]["packages"]:
        source = CHECKOUT.joinpath(*package.split("."))
        target = alone.joinpath(*package.split("."))
        target.mkdir(parents=True)
        for file in source.glob("*.py"):
            shutil.copyfile(file, target / file.name)
    module, _, function = PROJECT["project"]["scripts"]["verify_bundle"].partition(":")
    program = ALONE.format(checkout=str(CHECKOUT), allowed=allowed, module=module, function=function)
    bundles = [exported(world(), tmp_path / f"{world.__name__}.zip") for world in (answered, screened)]
    for bundle in bundles:
        command = [sys.executable, "-c", program, str(alone), str(bundle)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("All holds. "), done.stderr
