"""The files of the world's two judges, the checker and the scene CLIP: weights in half precision, and what they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from common.errors import UserError
from common.files import write_whole
from common.hashes import bytes_sha256
from generators.tensor_file import save_tensors


@dataclass(frozen=True, slots=True)
class JudgeFile:
    """A file as read. `state`: the weights, floating ones in float32. `sha256`: of the file."""

    metadata: Mapping[str, str]
    state: Mapping[str, Tensor]
    sha256: str


@dataclass(frozen=True, slots=True)
class JudgeKind:
    """A kind of judge. `name`: for people ("scene checker"). `maker`: the module that trains one.

    `error`: what is raised where a file can't be used.
    """

    name: str
    schema: str
    maker: str
    error: type[UserError]

    def save(self, path: Path, network: nn.Module, metadata: Mapping[str, str]) -> None:
        """Write a network, whole or not at all.

        Raises:
            SaveError: it can't be written; what was there stays.
        """
        kept = {
            name: value.detach().to("cpu", torch.float16 if value.is_floating_point() else value.dtype).contiguous()
            for name, value in network.state_dict().items()
        }
        told = {"schema": self.schema, **metadata}
        write_whole(path, lambda part: save_tensors(part, kept, told))

    @contextlib.contextmanager
    def opened(self, path: Path) -> Iterator[JudgeFile]:
        """The file at `path`; what its content makes fail within the `with` is this kind's error too.

        Raises:
            `error`: it is missing, damaged or of another schema.
        """
        if not path.is_file():
            raise self.error(f"the {self.name}'s weights {path} are not there; python -m {self.maker} makes them")
        try:
            yield self._read(path)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            if isinstance(error, self.error):
                raise
            said = (str(error).splitlines() or ["no message"])[0]
            raise self.error(f"{path} is no whole {self.name} file ({said}); fetch it again") from error

    def _read(self, path: Path) -> JudgeFile:
        data = path.read_bytes()
        with safe_open(path, framework="pt") as held:
            metadata = held.metadata() or {}
            state = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118 - not a dict
        if metadata.get("schema") != self.schema:
            raise self.error(f"{path} has the schema {metadata.get('schema')!r}; this version reads {self.schema!r}")
        floats = {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
        return JudgeFile(metadata, floats, bytes_sha256(data))
