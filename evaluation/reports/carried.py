"""The ratings that a report in one file carries, packed for a program in a browser, and back.

One block of bytes: the length of its head (4 bytes, little-endian), the head (JSON), then for each column of the head
one code a rating, unsigned and little-endian. `left_out` says what does not count, and why (`LEFT_OUT`).
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.json_in import read_json
from evaluation.analysis.columns import CHOICES

COLUMNS = ("rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice", "left_out")
LEFT_OUT = ("", "control trial", "seen again", "rater excluded")
"""Why a rating does not count; the first does."""
CONTROL, AGAIN, EXCLUDED = 1, 2, 3


def packed(valid: pd.DataFrame, excluded: Collection[str] = ()) -> str:
    """Validated ratings as base64 of their deflated block (RFC 1950). `excluded`: raters whom screening left out."""
    codes: list[npt.NDArray[np.unsignedinteger]] = []
    columns = []
    for name in COLUMNS:
        levels: tuple[str, ...] = LEFT_OUT
        if name == "left_out":
            values = _left_out(valid, excluded)
        else:
            column = valid[name].cat
            levels, values = tuple(map(str, column.categories)), column.codes.to_numpy()
        bits = 8 if len(levels) <= 1 << 8 else 16 if len(levels) <= 1 << 16 else 32
        codes.append(np.asarray(values).astype(f"<u{bits // 8}"))
        columns.append({"name": name, "bits": bits, "levels": list(levels)})
    head = json.dumps({"n": len(valid), "columns": columns}, ensure_ascii=False, separators=(",", ":")).encode()
    block = b"".join([len(head).to_bytes(4, "little"), head, *(each.tobytes() for each in codes)])
    return base64.b64encode(zlib.compress(block, 9 if len(valid) < 100_000 else 6)).decode()


def unpacked(text: str) -> pd.DataFrame:
    """What `packed` wrote, as text columns.

    Raises:
        ValueError: it is not in that form.
    """
    try:
        block = zlib.decompress(base64.b64decode(text, validate=True))
    except zlib.error as error:
        raise ValueError(f"The carried ratings can't be unpacked: {error}.") from error
    start = 4 + int.from_bytes(block[:4], "little")
    head: Any = read_json(block[4:start])
    found = {}
    for column in head["columns"]:
        size = column["bits"] // 8 * head["n"]
        codes = np.frombuffer(block[start : start + size], dtype=f"<u{column['bits'] // 8}")
        found[column["name"]] = np.asarray(column["levels"], dtype=object)[codes]
        start += size
    return pd.DataFrame(found)


def _left_out(valid: pd.DataFrame, excluded: Collection[str]) -> npt.NDArray[np.uint8]:
    found = np.zeros(len(valid), dtype=np.uint8)
    if "repetition" in valid:
        found[valid["repetition"].fillna(0).to_numpy() > 0] = AGAIN
    found[valid["control"].to_numpy(dtype=bool)] = CONTROL
    found[valid["rater_id"].isin(list(excluded)).to_numpy()] = EXCLUDED  # control trials too: results count no other's
    return found


assert CHOICES == ("a", "indifferent", "b"), "the program in the page knows these"
