"""docs/writing-a-metric.md is true: its example is installed as it stands, loaded, and passes."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "writing-a-metric.md").read_text()


def blocks(language: str) -> list[str]:
    """The page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which the page's package is installed, made from the page alone."""
    project = tomllib.loads(blocks("toml")[0])["project"]
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {reference}" for name, reference in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "acme_sharpness.py").write_text(blocks("python")[0])
    (tmp_path / "test_sharpness.py").write_text(blocks("python")[1])
    return {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}


def test_the_example_keeps_the_contract_by_the_pages_own_commands(installed: dict[str, str], tmp_path: Path) -> None:
    commands = [line for line in blocks("sh")[0].splitlines() if line.startswith("python -m evaluation")]
    assert len(commands) == 2
    for command in commands:
        line = command.replace("python", f'"{sys.executable}"', 1)
        done = subprocess.run(
            line, shell=True, env=installed, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_the_pages_own_test_passes(installed: dict[str, str]) -> None:
    script = "import test_sharpness; test_sharpness.test_sharpness_keeps_the_contract()"
    done = subprocess.run([sys.executable, "-c", script], env=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_example_is_short() -> None:
    assert len([line for line in blocks("python")[0].splitlines() if line.strip()]) <= 40
