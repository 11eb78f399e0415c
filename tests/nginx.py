"""An nginx for the tests: one that is there, or Debian's own, fetched and unpacked without installing it.

In order: DRAWBENCH_TEST_NGINX; nginx on the PATH; one fetched earlier under `.tools/`; Debian's package `nginx`, which
is what nginx-light installs.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
FETCHED = CHECKOUT / ".tools" / "nginx"
PROGRAM = Path("usr") / "sbin" / "nginx"


def find() -> str | None:
    """The program, fetched if need be; None where there is none and none can be had."""
    named = os.environ.get("DRAWBENCH_TEST_NGINX") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if named:
        return named
    if not (FETCHED / PROGRAM).exists():
        _fetch()
    program = FETCHED / PROGRAM
    return str(program) if program.exists() and _runs(program) else None


def _fetch() -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return
    FETCHED.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FETCHED.parent, prefix="nginx-") as folder:
        try:
            subprocess.run(["apt-get", "download", "nginx"], cwd=folder, check=True, capture_output=True, timeout=60)
            [package] = Path(folder).glob("nginx_*.deb")
            unpacked = Path(folder) / "unpacked"
            subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError, ValueError):
            return
        with contextlib.suppress(OSError):  # another process of the tests was first
            unpacked.rename(FETCHED)


def _runs(program: Path) -> bool:
    return subprocess.run([program, "-v"], capture_output=True, check=False).returncode == 0
