"""torchvision beside a torch that lacks its operators, and that all who import it by others' hands are prepared."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.repository import CHECKOUT, of_ours, read

FAKE = """
import torch

@torch.library.register_fake("torchvision::no_such_operator_here")
def shape(boxes):
    return boxes

@torch.library.register_fake("drawbench_tests::known")
def other(x):
    return x

ready = True
"""

KNOWN = (
    "import torch\nkept = torch.library.Library('drawbench_tests', 'DEF')\nkept.define('known(Tensor x) -> Tensor'); "
)


def _run(program: str, site: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(site), str(CHECKOUT)))}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=site)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A torchvision whose compiled operators are missing, first on the path."""
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(FAKE)
    return tmp_path


def test_missing_operators_do_not_keep_it_from_being_imported(site: Path) -> None:
    alone = _run(KNOWN + "import torchvision", site)
    assert alone.returncode != 0 and "no_such_operator_here" in alone.stderr
    program = (
        KNOWN + "before = torch.library.register_fake; "
        "from common.vision_operators import torchvision_importable as ready; ready(); ready(); "
        "import sys; assert 'torchvision' not in sys.modules; "
        "import torchvision; assert torchvision.ready; assert torch.library.register_fake is before; "
        "x = torch.empty(2, device='meta'); assert torch.ops.drawbench_tests.known(x).shape == (2,)"
    )
    prepared = _run(program, site)
    assert prepared.returncode == 0, prepared.stderr


def test_other_faults_of_it_are_told(site: Path) -> None:
    (site / "torchvision" / "__init__.py").write_text("raise RuntimeError('something else')")
    told = _run("from common.vision_operators import torchvision_importable as r; r(); import torchvision", site)
    assert told.returncode != 0 and "something else" in told.stderr


STANDS_ON_IT = {"transformers", "torchvision", "torch_fidelity", "diffusers", "imagen_pytorch"}


def _imports(tree: ast.AST) -> set[str]:
    """Packages whose names or modules are imported; `import transformers` alone loads nothing of torchvision."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names if "." in alias.name}
    return found


def test_who_imports_what_stands_on_torchvision_prepares_it_first() -> None:
    wrong: list[str] = []
    right: list[str] = []
    for path in of_ours(".py"):
        if path.parts[0] in {"common", "drawbench", "evaluation", "generators", "benchmarks"}:
            text = read(path)
            if _imports(ast.parse(text)) & STANDS_ON_IT:
                prepared = "torchvision_importable()" in text or "torch_fidelity()  # prepares" in text
                (right if prepared else wrong).append(str(path))
    assert wrong == [] and "generators/cascade/text.py" in right


def test_plug_ins_are_prepared_for_too() -> None:
    from common.plugins import import_reference
    from common.vision_operators import _Finder

    import_reference("common.words:nearest")
    assert any(isinstance(finder, _Finder) for finder in sys.meta_path)
