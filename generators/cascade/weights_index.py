"""The index of a folder of weights: which stages it has, and the hashes of their files.

Without torch: whoever asks which weights these are does not draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.hashes import file_sha256
from common.json_in import JsonError, read_json
from generators.cascade.configs import STAGES, StageName
from generators.cascade.spec import VERSION
from generators.contract import GeneratorError, ParameterValue
from generators.places import SCENE_CLIP, WEIGHTS

INDEX_SCHEMA = "drawbench-cascade-index/1"
INDEX = "index.json"
ABOVE = "../"
"""Before the name of a file that lies in the folder above, where several folders share a stage."""


class CheckpointError(GeneratorError):
    """Weights that can't be used: the message names the file, what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class WeightsIndex:
    """A folder of weights by its index: which stages it has, the hashes of their files, and what these are called."""

    folder: Path
    cascade: str
    hashes: dict[StageName, str]
    files: dict[StageName, str]

    def path(self, name: StageName) -> Path:
        """A stage's file.

        Raises:
            CheckpointError: the folder lacks the stage.
        """
        if name not in self.hashes:
            raise CheckpointError(
                f"weights: {self.folder} has no stage {name}; it has {', '.join(self.hashes) or 'none'}. Gather stages "
                f"in one folder with: python -m generators.training.export {self.folder} OTHER:{name} --out FOLDER"
            )
        return self.folder / self.files[name]

    def fingerprint(self, stages: tuple[StageName, ...]) -> str:
        """SHA-256 over the hashes of the stages that an image depends on, in order."""
        return hashlib.sha256("\n".join(f"{name} {self.hashes[name]}" for name in stages).encode()).hexdigest()


def read_index(folder: Path) -> WeightsIndex:
    """Read a folder's index.

    Raises:
        CheckpointError: there is none, or it can't be read.
    """
    path = folder / INDEX
    try:
        held: Any = read_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise CheckpointError(f"weights: {folder} has no {INDEX}; give a folder of exported weights") from None
        raise CheckpointError(f"weights: {path} can't be read: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise CheckpointError(f"weights: {path} is not JSON (no UTF-8 text)") from None
    except JsonError as error:
        place = f", line {error.line}" if error.line else ""
        raise CheckpointError(f"weights: {path} is not JSON ({error}{place})") from None
    if not isinstance(held, dict) or held.get("schema") != INDEX_SCHEMA:
        raise CheckpointError(f"weights: {path} is not an index of schema {INDEX_SCHEMA}")
    stages = held.get("stages", {})
    try:
        hashes: dict[StageName, str] = {name: str(stages[name]["sha256"]) for name in STAGES if name in stages}
        files: dict[StageName, str] = {
            name: str(stages[name].get("file", f"{name}.safetensors")) for name in STAGES if name in stages
        }
    except (KeyError, TypeError, AttributeError):
        raise CheckpointError(f"weights: {path} has a stage without its sha256") from None
    for name, file in files.items():
        bare = file.removeprefix(ABOVE)
        if Path(bare).name != bare or bare in ("", ".", ".."):
            raise CheckpointError(
                f"weights: {path} has {file!r} as the file of stage {name}; the name of a file beside it is wanted, or "
                f"of one in the folder above ({ABOVE}NAME)"
            )
    return WeightsIndex(folder, str(held.get("cascade", "")), hashes, files)


def stages_to(size: int) -> tuple[StageName, ...]:
    """The stages that lead to a size.

    Raises:
        GeneratorError: no stage ends there.
    """
    ends: dict[int, tuple[StageName, ...]] = {64: STAGES[:1], 256: STAGES[:2], 1024: STAGES}
    if size not in ends:
        raise GeneratorError(f"the cascade can't draw {size} pixels; its sizes are {', '.join(map(str, ends))}")
    return ends[size]


def identity(parameters: Mapping[str, ParameterValue], *, size: int) -> tuple[str, str]:
    """The version and the weights' fingerprint of the cascade that these parameters load (`GeneratorSpec.identity`).

    A text encoder of its own counts as weights once it is loaded; here it is not known, and the fingerprint is empty.

    Raises:
        CheckpointError: the folder of weights has no index that can be read.
        GeneratorError: no stage ends at `size`.
    """
    if parameters["text_encoder"]:
        return VERSION, ""
    index = read_index(Path(str(parameters["weights"])) if parameters["weights"] else WEIGHTS)
    fingerprint = index.fingerprint(stages_to(size))
    if not float(parameters.get("matcher_guidance", 0.0)):
        return VERSION, fingerprint
    path = WEIGHTS / SCENE_CLIP
    if not path.is_file():
        raise CheckpointError(f"weights: {path} is not there, and matcher_guidance needs it. Check the checkout.")
    return VERSION, with_matcher(fingerprint, file_sha256(path))


def with_matcher(fingerprint: str, sha256: str) -> str:
    """The fingerprint of weights that are led by the matcher whose file has this hash."""
    return hashlib.sha256(f"{fingerprint}\nmatcher {sha256}".encode()).hexdigest()
