"""torch-fidelity, the reference implementation, importable beside torch's CPU build.

Its import needs torchvision's, and that fails where torchvision's compiled operators are missing: it registers shapes
for operators that do not exist. Nothing that is compared here uses them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any


def torch_fidelity() -> ModuleType:
    """The package, imported; only where the operators are missing, without torchvision's shapes for them."""
    import torch

    real: Callable[..., Any] = torch.library.register_fake

    def register_fake(op: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(op, str) and op.startswith("torchvision::") and not _exists(op):
            return lambda function: function
        return real(op, *arguments, **named)

    torch.library.register_fake = register_fake
    try:
        import torch_fidelity as package
    finally:
        torch.library.register_fake = real
    return package


def _exists(op: str) -> bool:
    import torch

    namespace, name = op.split("::")
    return hasattr(getattr(torch.ops, namespace), name)
