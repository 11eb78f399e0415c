"""Programs that we start end with all that they started."""

import subprocess
import time

import psutil

from drawbench.local.processes import end_group, postgres_account, run_as


def test_the_whole_group_ends() -> None:
    with subprocess.Popen(
        ["/bin/sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        grandchild = psutil.Process(int(process.stdout.readline()))
        end_group(process)
        deadline = time.monotonic() + 10
        while grandchild.is_running() and grandchild.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert process.returncode == -9


def test_what_a_program_says_and_how_it_ends() -> None:
    ended = run_as(["/bin/sh", "-c", "echo said; echo complained >&2; exit 3"], postgres_account())
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "said\n", "complained\n")
    assert run_as(["/nowhere/at/all"], postgres_account()).returncode == 126
