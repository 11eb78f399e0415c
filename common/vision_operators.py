"""torchvision beside a torch that lacks its compiled operators: importable all the same.

torchvision registers the shapes of its operators (`torchvision::nms`) when it is imported, and fails where they are
missing, as beside a CPU build of torch: its library was compiled for another one. transformers and torch-fidelity
import it and use none of them. So where an operator is missing its shape is not registered; where all are there,
nothing is different.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

PACKAGE = "torchvision"


def torchvision_importable() -> None:
    """Make `import torchvision` work from here on, whoever imports it. Imports nothing itself; may be called again."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds torchvision where it is, and lets it start without the shapes of missing operators."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname == PACKAGE else None
        if spec is None or spec.loader is None:
            return None
        start = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            with _only_shapes_of_operators():
                start(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


@contextmanager
def _only_shapes_of_operators() -> Iterator[None]:
    """For the while, a shape for an operator of torchvision's that does not exist is passed over."""
    torch = importlib.import_module("torch")
    library: Any = torch.library
    real: Callable[..., Any] = library.register_fake

    def register_fake(op: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(op, str) and op.startswith(f"{PACKAGE}::") and not _exists(torch, op):
            return lambda function: function
        return real(op, *arguments, **named)

    library.register_fake = register_fake
    try:
        yield
    finally:
        library.register_fake = real


def _exists(torch: Any, op: str) -> bool:
    namespace, name = op.split("::")
    return hasattr(getattr(torch.ops, namespace), name)
