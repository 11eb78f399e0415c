"""Tensors with their metadata as one safetensors file, of which the same content has the same bytes and the same hash.

The library itself writes the metadata in an order drawn anew each time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_LENGTH = 8
"""Bytes that hold the header's length, which is a multiple of as many."""
_METADATA = "__metadata__"


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write them to `path`, which need not be whole if this fails (`common.files.write_whole` sees to that)."""
    from safetensors.torch import save_file

    save_file(dict(tensors), path, metadata=dict(metadata))
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        header = json.loads(file.read(length))
        header = {_METADATA: dict(sorted(metadata.items())), **{key: header[key] for key in header if key != _METADATA}}
        told = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        file.seek(_LENGTH)
        if len(told) > length:  # never, as it is the same text in another order
            raise ValueError(f"{path}: a header of {len(told)} bytes has no room in {length}")
        file.write(told.ljust(length))
