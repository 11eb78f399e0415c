"""The append-only record of a run: JSON lines, each on the disk before the next step is taken.

Lines have a `kind`. `session`: one for each start, with all that its images depend on and all that they were made
with. `image` and `failure`: one for each result. A last line that was cut off by a kill is dropped on resuming.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import IO

import common
from common.hashes import sources_version
from common.json_in import read_json
from common.numbers import whole_or_none
from generators.contract import GeneratorError, GeneratorInfo, ParameterValue

SCHEMA = "drawbench-run/1"
FILE_NAME = "manifest.jsonl"

_PACKAGES = ("numpy", "pillow", "torch", "transformers", "tokenizers", "safetensors", "diffusers")


class ManifestError(GeneratorError):
    """A manifest can't be read, or is another run's; the message says which line or what differs."""


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """All that the images of a run depend on, but for prompt and sample. Two runs of one identity are one run.

    `size`, `run_seed`: None in the record of an upload, of which nobody knows them.
    """

    generator: str
    parameters: Mapping[str, ParameterValue]
    weights_fingerprint: str
    size: int | None
    run_seed: int | None

    def differences(self, other: RunIdentity) -> list[str]:
        """What differs, as "guidance: 1.0, not 5.0", this run's value first."""
        found = []
        for name in ("generator", "weights_fingerprint", "size", "run_seed"):
            if (mine := getattr(self, name)) != (theirs := getattr(other, name)):
                found.append(f"{name}: {mine}, not {theirs}")
        for name in sorted({*self.parameters, *other.parameters}):
            if (mine := self.parameters.get(name)) != (theirs := other.parameters.get(name)):
                found.append(f"{name}: {mine}, not {theirs}")
        return found


@dataclass(slots=True)
class ManifestContent:
    """What a manifest says. `sessions`, `images`, `failures`: its lines. `whole_bytes`: length without a torn end."""

    sessions: list[dict[str, object]] = field(default_factory=list)
    images: list[dict[str, object]] = field(default_factory=list)
    failures: list[dict[str, object]] = field(default_factory=list)
    whole_bytes: int = 0

    @property
    def identity(self) -> RunIdentity | None:
        """The run that it records, None while it records none."""
        if not self.sessions:
            return None
        first = self.sessions[0]
        parameters = first["parameters"]
        return RunIdentity(
            generator=str(first["generator"]),
            parameters=parameters if isinstance(parameters, dict) else {},
            weights_fingerprint=str(first["weights_fingerprint"]),
            size=whole_or_none(first["size"]),
            run_seed=whole_or_none(first["run_seed"]),
        )


def read_manifest(path: Path) -> ManifestContent:
    """The lines of a manifest; a last line without its end is left out, as a kill while writing leaves it.

    Raises:
        ManifestError: it can't be read, or a line that was whole is not what this module writes.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path} can't be read: {(error.strerror or str(error)).lower()}") from None
    return manifest_content(data, path)


def manifest_content(data: bytes, path: Path) -> ManifestContent:
    """The lines of a manifest of these bytes, as `read_manifest`. `path`: where they are from, for errors.

    Raises:
        ManifestError: a line that was whole is not what this module writes.
    """
    content = ManifestContent(whole_bytes=data.rfind(b"\n") + 1)
    lists = {"session": content.sessions, "image": content.images, "failure": content.failures}
    for number, line in enumerate(data[: content.whole_bytes].split(b"\n")[:-1], start=1):
        try:
            row = read_json(line)
            if not isinstance(row, dict):
                raise TypeError
            lists[str(row["kind"])].append(dict(row))
            if row["kind"] == "session" and row["schema"] != SCHEMA:
                raise ManifestError(f"{path} is of schema {row['schema']!r}; this version reads {SCHEMA}")
            required = _SESSION_FIELDS if row["kind"] == "session" else ("key", "prompt_id", "prompt", "sample")
            if missing := [name for name in required if name not in row]:
                raise KeyError(missing[0])
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, ManifestError):
                raise
            raise ManifestError(f"{path}, line {number} is damaged: it is not a line of a run's manifest") from None
    return content


_SESSION_FIELDS = ("schema", "generator", "parameters", "weights_fingerprint", "size", "run_seed")


def session_line(identity: RunIdentity, info: GeneratorInfo) -> dict[str, object]:
    """The line that opens a session: the run's identity, the generator's account of itself, and the software."""
    return {
        "kind": "session",
        "schema": SCHEMA,
        "generator": identity.generator,
        "parameters": dict(identity.parameters),
        "weights_fingerprint": identity.weights_fingerprint,
        "size": identity.size,
        "run_seed": identity.run_seed,
        "generator_version": info.version,
        "tolerance": info.tolerance,
        "seeded": info.seeded,
        "provenance": dict(info.provenance),
        **software(),
        "time": now(),
    }


def software() -> dict[str, object]:
    """What made the images: the version of this code, Python, the platform and the packages that matter."""
    return {
        "code_version": code_version(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": dict(_package_versions()),
    }


@lru_cache(maxsize=1)
def _package_versions() -> Mapping[str, str]:
    """Read once: each is a search through all that is installed, and what is imported stays as it is."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@lru_cache(maxsize=1)
def code_version() -> str:
    """16 digits that tell two states of the sources apart that images come from: `generators` and `common`."""
    rooms = Path(__file__).resolve().parent, Path(str(common.__file__)).parent
    return sources_version(*rooms, leave_out=("training", "world"))  # they draw no sample


def now() -> str:
    """The time as manifests hold it: UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def append_line(file: IO[bytes], row: Mapping[str, object]) -> None:
    """Write one line and wait until the disk has it."""
    file.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())
