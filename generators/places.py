"""Where the generators' own files lie: the weights that ship, what their training needs and what it makes.

Each address is built here and nowhere else. What is made is relative to where a command is called: a checkout's `var/`.
"""

import importlib.util
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parent / "weights"
"""The folder of the weights that ship; those of the default cascade lie in it, wider ones in `wider/`."""

CHECKER = "checker.safetensors"
SCENE_CLIP = "scene-clip.safetensors"
"""Files of weights that judge the bundled world, in `WEIGHTS` and in the folder that a training makes."""

CONTENDERS = WEIGHTS / "contenders"
"""The folder of the contenders' weights."""

EXAMS = WEIGHTS / "exams.json"
"""How often weights that ship draw what was asked."""

TRAINING_CONFIGS = Path(__file__).resolve().parent / "training" / "configs"
"""Configurations of training that ship."""

TRAINING = Path("var") / "training"
"""What training makes and keeps."""

SPRITES = TRAINING / "sprites-2.npz"
"""The drawings of the world's things, as `generators.world.sprites` makes them."""


SERVICES = Path(__file__).resolve().parent / "rivals" / "http" / "services"
"""The templates of image services that ship."""


def rivals_folder(named: str) -> Path:
    """The folder of an operator's own services, programs and pipelines, as the environment names it."""
    return Path(named).expanduser()


def fonts_folder() -> Path:
    """The folder of the DejaVu fonts, which matplotlib brings; found without loading it.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("matplotlib is not installed, and the fonts are in it.", name="matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


def weights_made(out: Path) -> Path:
    """The folder of the weights that a training of everything made in the folder `out`."""
    return out / "weights"
