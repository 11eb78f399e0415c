"""The public faces: every name that one exports is there, and loading a face loads nothing heavy."""

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

from tests.house.repository import CHECKOUT

FACES = ("evaluation.analysis", "evaluation.metrics", "evaluation.suites", "generators")
HEAVY = ("torch", "transformers", "django")


@pytest.mark.parametrize("face", FACES)
def test_every_exported_name_is_there(face: str) -> None:
    module = importlib.import_module(face)
    assert module.__all__ and sorted(set(module.__all__)) == sorted(module.__all__)
    modules = {"registry", "conformance"}
    for name in module.__all__:
        exported = getattr(module, name)
        assert isinstance(exported, ModuleType) == (name in modules), f"{face}.{name} is {exported!r}"
        assert name in dir(module)


@pytest.mark.parametrize("face", FACES)
def test_a_face_loads_nothing_heavy(face: str) -> None:
    program = f"import sys; from {face} import *; print([name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_function_with_its_modules_name_is_the_function() -> None:
    """Whoever imported the module before: Python binds a submodule to its package when it is first loaded."""
    program = (
        "import evaluation.analysis.coverage, evaluation.analysis.audit; "
        "from evaluation.analysis import audit, coverage; print(callable(audit), callable(coverage))"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["True", "True"]
