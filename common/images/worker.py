"""The decoding child: `python -m common.images.worker`, started by `common.images` alone.

It reads jobs from standard input and answers on standard output; a file that kills it, kills only it. A job is a line
of JSON {"name", "bytes", "want", "limits"} and that many bytes; an answer is a line of JSON and `bytes` bytes. A
closed input ends it, so it never outlives its parent.
"""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import asdict
from typing import BinaryIO

from common.allocator import keep_freed_memory
from common.images.decode import ImageError, ImageLimits, Problem, admit_image, decode_pixels


def main() -> int:
    """Serve jobs until the input closes."""
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a library prints must not land between two answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    limited = False
    keep_freed_memory()
    while line := jobs.readline():
        job = json.loads(line)
        limits = ImageLimits(**job["limits"])
        data = jobs.read(job["bytes"])
        if not limited:
            _limit_process(limits)
            limited = True
        _limit_cpu(limits.seconds)
        header, payload = _answer(data, job["name"], job["want"], limits)
        _send(answers, header, payload)
    return 0


def _answer(data: bytes, name: str, want: str, limits: ImageLimits) -> tuple[dict[str, object], bytes]:
    try:
        if want == "pixels":
            image, _, _ = decode_pixels(data, name, limits)
            return {"ok": True, "width": image.width, "height": image.height}, image.tobytes()
        checked = asdict(admit_image(data, name, limits))
    except ImageError as error:
        return {"ok": False, "problem": error.problem, "message": str(error)}, b""
    except MemoryError:
        message = f"decoding it takes more than {limits.memory_bytes / 2**20:g} MiB of memory"
        return {"ok": False, "problem": Problem.CRASH, "message": message}, b""
    payload = checked.pop("data")
    if payload == data:  # the parent has it
        return {"ok": True, **checked, "same": True}, b""
    return {"ok": True, **checked}, payload


def _send(stream: BinaryIO, header: dict[str, object], payload: bytes) -> None:
    stream.write(json.dumps({**header, "bytes": len(payload)}).encode() + b"\n")
    stream.write(payload)
    stream.flush()


def _limit_process(limits: ImageLimits) -> None:
    """Memory above what it has now, no files written, no core dumped. What a platform lacks is left out."""
    try:
        import resource
    except ImportError:  # Windows: the parent's clock is the only limit
        return
    wanted = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0}
    try:
        with open("/proc/self/statm") as file:
            wanted["RLIMIT_AS"] = int(file.read().split()[0]) * resource.getpagesize() + limits.memory_bytes
    except OSError:  # macOS neither has /proc nor keeps RLIMIT_AS
        pass
    for name, value in wanted.items():
        try:
            limit = getattr(resource, name)
            hard = resource.getrlimit(limit)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (value, value))
        except (AttributeError, ValueError, OSError):
            continue


def _limit_cpu(seconds: float) -> None:
    """Processor time from now on: the limit counts from the process's start, so it moves with each job."""
    try:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        soft = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
    except (ImportError, ValueError, OSError):
        return


if __name__ == "__main__":
    sys.exit(main())
