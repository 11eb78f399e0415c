"""A Chromium for the browser tests: one that is there, or one that is fetched without root.

`python -m tests.chromium` (from `./dev test`) prints its path, fetching one where there is none. In order:
DRAWBENCH_CHROMIUM; chromium-headless-shell on the PATH; one fetched earlier under `.tools/`; chromium, chromium-browser
or google-chrome on the PATH; Debian's packages (as root in CI, also where only a whole Chromium is there); the npm
build @sparticuz/chromium; Playwright's own download.

The shell goes before because it draws pages alone. A whole Chromium draws its own window around each, hidden, which
takes four times the processor time (0.5 s a page instead of 0.13).
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TOOLS = CHECKOUT / ".tools"
FETCHED = TOOLS / "chromium" / "run"

NPM_PACKAGE = "@sparticuz/chromium"
NPM_VERSION = "153.0.0"

SHELL = "chromium-headless-shell"
"""Debian's package, and its program."""

FLAGS = [
    "--no-sandbox",  # Containers and root have no user namespaces for it; the pages are our own.
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

# The npm build is made for bare machines: its archives hold the shared libraries and fonts that a desktop would have.
UNPACK = """
import {{ inflate }} from "{package}/build/lambdafs.js";
for (const name of ["chromium.br", "al2023.tar.br", "swiftshader.tar.br", "fonts.tar.br"]) {{
    await inflate("{package}/bin/" + name);
}}
"""

RUN = """#!/bin/sh
here=$(dirname "$0")
export LD_LIBRARY_PATH="$here/al2023/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export FONTCONFIG_PATH="$here/fonts" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium" "$@"
"""

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir><dir>{folder}/fonts/fonts</dir><cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""


def find() -> Path | None:
    """A Chromium that is there already, or None. Raises ValueError when DRAWBENCH_CHROMIUM names none."""
    named = os.environ.get("DRAWBENCH_CHROMIUM")
    if named:
        if os.access(named, os.X_OK):
            return Path(named)
        raise ValueError(f"DRAWBENCH_CHROMIUM names {named}, which is not a program. Correct it or unset it.")
    shell = shutil.which(SHELL)
    if shell:
        return Path(shell)
    return FETCHED if FETCHED.exists() else _whole()


def _whole() -> Path | None:
    """A Chromium with windows of its own."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        found = shutil.which(name)
        # Ubuntu's chromium-browser only tells to install a snap, which tests can't drive.
        if found and b"snap" not in Path(found).read_bytes()[:4096]:
            return Path(found)
    return None


def prepare() -> Path:
    """What `find` finds, or what is fetched. Raises ValueError with what to do when there is none."""
    found = find()
    if found is not None and found == _whole() and not os.environ.get("DRAWBENCH_CHROMIUM"):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            return _from_debian() or found
    return found or fetch()


def fetch() -> Path:
    """Get a Chromium by the first road that is open here. Raises ValueError with what to do when none is."""
    tried = []
    for road in (_from_debian, _from_npm, _from_playwright):
        try:
            found = road()
        except (OSError, subprocess.CalledProcessError) as error:
            tried.append(f"  {road.__doc__} {error}")
            continue
        if found:
            return found
    raise ValueError(
        "No Chromium for the browser tests was found, and none could be fetched"
        + (":\n" + "\n".join(tried) if tried else ".")
        + "\nInstall one (Debian: apt install chromium; macOS: brew install chromium) or npm, or name one in "
        "DRAWBENCH_CHROMIUM, and run ./dev test again."
    )


def _from_debian() -> Path | None:
    """Debian's package:"""
    if os.geteuid() != 0 or not os.environ.get("CI") or not shutil.which("apt-get"):
        return None  # On a person's machine only the person installs for everybody.
    _run(["apt-get", "update", "-q"])
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "fonts-liberation"]
    with contextlib.suppress(subprocess.CalledProcessError):  # a system without that package
        _run([*install, SHELL])
        return find()
    if _whole() is None:
        _run([*install, "chromium"])
    return find()


def _from_npm() -> Path | None:
    """The npm build:"""
    npm = shutil.which("npm")
    if npm is None or sys.platform != "linux" or os.uname().machine != "x86_64":
        return None
    partial = TOOLS / "chromium.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    wanted = f"{NPM_PACKAGE}@{NPM_VERSION}"
    _run([npm, "install", "--prefix", str(partial), "--no-save", "--no-audit", "--no-fund", "--silent", wanted])
    script = partial / "unpack.mjs"
    script.write_text(UNPACK.format(package=f"{partial}/node_modules/{NPM_PACKAGE}"))
    _run([str(node()), str(script)], TMPDIR=str(partial))
    shutil.rmtree(partial / "node_modules")
    (partial / "fonts.conf").write_text(FONTS.format(folder=FETCHED.parent))
    (partial / "run").write_text(RUN)
    (partial / "run").chmod(0o755)
    shutil.rmtree(FETCHED.parent, ignore_errors=True)
    partial.rename(FETCHED.parent)
    _run([str(FETCHED), "--headless", "--version", *FLAGS])
    return FETCHED


def _from_playwright() -> Path | None:
    """Playwright's own download:"""
    _run(
        [sys.executable, "-m", "playwright", "install", "chromium"], PLAYWRIGHT_BROWSERS_PATH=str(TOOLS / "playwright")
    )
    programs = [
        *TOOLS.glob("playwright/chromium-*/chrome-*/chrome"),
        *TOOLS.glob("playwright/chromium-*/*/*.app/*/*/*"),
    ]
    if not programs:
        return None
    FETCHED.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        FETCHED.symlink_to(programs[0])
    return FETCHED


def node() -> Path:
    """The node that Playwright brings: new enough, which the system's need not be."""
    import playwright

    return Path(playwright.__file__).parent / "driver" / "node"


def _run(command: Sequence[str], **environment: str) -> None:
    """Run it with its output on standard error: standard output is for the path alone."""
    subprocess.run(command, check=True, stdout=sys.stderr, env=os.environ | environment)


def main() -> int:
    try:
        print(prepare())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
