"""torch-fidelity, the reference implementation, importable beside torch's CPU build.

Its import needs torchvision's, and that fails where torchvision's compiled operators are missing: it registers shapes
for operators that do not exist. Nothing that is compared here uses them. For the same reason both lie in a folder of
their own (requirements-peers.txt, installed by `./dev test`): in .venv a torchvision that can't be imported would break
transformers, and with it the cascade.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tests.chromium import TOOLS

FOLDER = TOOLS / "peers"


def torch_fidelity() -> ModuleType:
    """The package, imported; only where the operators are missing, without torchvision's shapes for them.

    Raises:
        ModuleNotFoundError: neither .venv nor the folder of the peers has it.
    """
    if "torch_fidelity" in sys.modules:
        return sys.modules["torch_fidelity"]
    import torch

    real: Callable[..., Any] = torch.library.register_fake

    def register_fake(op: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(op, str) and op.startswith("torchvision::") and not _exists(op):
            return lambda function: function
        return real(op, *arguments, **named)

    torch.library.register_fake = register_fake
    sys.path.append(str(FOLDER))
    try:
        return importlib.import_module("torch_fidelity")
    except ModuleNotFoundError as error:
        error.add_note(f"Run ./dev test once, which installs requirements-peers.txt into {FOLDER}.")
        raise
    finally:
        sys.path.remove(str(FOLDER))
        torch.library.register_fake = real


def _exists(op: str) -> bool:
    import torch

    namespace, name = op.split("::")
    return hasattr(getattr(torch.ops, namespace), name)
