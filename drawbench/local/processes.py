"""Starting, finding and ending the two servers' processes."""

import contextlib
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from drawbench.local.errors import LocalError

UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """The operating system's user that PostgreSQL runs as."""

    name: str
    uid: int
    gid: int

    @property
    def is_self(self) -> bool:
        return self.uid == os.geteuid()


def postgres_account() -> Account:
    """Ourselves; for root, whom PostgreSQL refuses, the user `nobody`."""
    uid = os.geteuid()
    if uid != 0:
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise LocalError(
                f"PostgreSQL does not run for user id {uid}, which has no name here (no line in /etc/passwd). "
                "Run as a named user, or point DRAWBENCH_DATABASE at a PostgreSQL server."
            ) from None
        return Account(entry.pw_name, uid, entry.pw_gid)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise LocalError(
            f"PostgreSQL refuses to run as root, and there is no user `{UNPRIVILEGED}` to run it as. "
            "Run as an ordinary user, or point DRAWBENCH_DATABASE at a PostgreSQL server."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def spawn(
    command: Sequence[str | Path],
    *,
    account: Account | None = None,
    log: Path,
) -> subprocess.Popen[bytes]:
    """Start a server that outlives us: a session of its own, its output appended to `log`."""
    other = None if account is None or account.is_self else account
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            user=other.uid if other else None,
            group=other.gid if other else None,
            extra_groups=[] if other else None,
        )


def run_as(command: Sequence[str | Path], account: Account) -> subprocess.CompletedProcess[str]:
    """Run a program to its end as `account`. The result holds its output, or why it could not start (status 126).

    Interrupted here, it goes with all that it started: it is given a process group of its own.
    """
    other = None if account.is_self else account
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd="/",
            user=other.uid if other else None,
            group=other.gid if other else None,
            extra_groups=[] if other else None,
        )
    except OSError as error:
        return subprocess.CompletedProcess(list(command), 126, "", str(error))
    except subprocess.SubprocessError as error:
        raise LocalError(
            f"Can't become user `{account.name}` to run PostgreSQL ({error}). Run as an ordinary user instead of root, "
            "or point DRAWBENCH_DATABASE at a PostgreSQL server."
        ) from None
    with process:
        try:
            said, complained = process.communicate()
        except BaseException:
            end_group(process)
            raise
    return subprocess.CompletedProcess(list(command), process.returncode, said, complained)


def end_group(process: subprocess.Popen[str], patience: float = 5.0) -> None:
    """Kill a process that leads a group, and the group with it; returns when none of them lives."""
    members = [member for member in psutil.process_iter() if _group(member.pid) == process.pid]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    psutil.wait_procs([member for member in members if member.pid != process.pid], timeout=patience)


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def reaches(account: Account, folder: Path) -> bool:
    """Whether `account` can enter `folder`: tried, not computed, so that ACLs and mounts count."""
    if account.is_self:
        return os.access(folder, os.X_OK)
    return run_as(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], account).returncode == 0


def is_running(pid: int, named_in_command: str) -> bool:
    """Whether process `pid` lives, and its command line holds the given text or it works in the folder of that name.

    A process id on file is not enough: after a kill or a reboot it may be a zombie's or another program's.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return named_in_command in " ".join(process.cmdline()) or process.cwd() == named_in_command
    except psutil.Error:
        return False


def end(pid: int, named_in_command: str, signals: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Send each signal in turn and wait its seconds; True once the process is gone."""
    for number, patience in signals:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            reap(pid)
            if not is_running(pid, named_in_command):
                return True
            time.sleep(0.02)
    return not is_running(pid, named_in_command)


def reap(pid: int) -> None:
    """Collect the process if it was our own child: otherwise it would stay a zombie as long as we live."""
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join("  " + line for line in text.splitlines()[-lines:])
