"""Which program made a bundle, and which one checks it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import evaluation
from common.hashes import file_sha256, files_hash
from common.version import VERSION

PROGRAM, VERIFIER = "drawbench", "drawbench-verify"
"""The platform, and what is installed to check its bundles without it (packages/verify)."""
ROOMS = ("analysis", "protocols", "protocols/kinds", "reports", "reports/bundle", "suites")
"""The folders of `evaluation` that the verifier has, and that the numbers of a bundle depend on."""


@functools.cache
def sources() -> str:
    """16 digits of a hash over the Python files right in `ROOMS`: the platform and its verifier have the same."""
    package = Path(str(evaluation.__file__)).parent
    files = {f"{room}/{path.name}": path for room in ROOMS for path in (package / room).glob("*.py")}
    return files_hash({name: file_sha256(path) for name, path in files.items()})[:16]


def made_with() -> dict[str, str]:
    """As a manifest has it. `program`: what made the bundle. `sources`: of what its numbers depend on. `check_with`:
    what to install to check it.
    """
    return {
        "program": f"{PROGRAM} {VERSION}",
        "sources": sources(),
        "check_with": f"{VERIFIER} {VERSION}",
    }


def remark(manifest: Mapping[str, Any]) -> str:
    """A sentence where the bundle was made with another version than this one; else nothing."""
    told, own = manifest.get("made_with"), made_with()
    if told == own:
        return ""
    this = f"this is {own['check_with']} (sources {own['sources']})"
    if not isinstance(told, Mapping):
        return f"The bundle does not say which version made it, and {this}: another one may compute other numbers."
    return (
        f"The bundle was made with {told.get('program')} (sources {told.get('sources')}), and {this}: another version "
        f"may compute more numbers, or fewer. Where only such differ, check it with {told.get('check_with')} of those "
        "sources; verify_bundle --version tells which they are."
    )
