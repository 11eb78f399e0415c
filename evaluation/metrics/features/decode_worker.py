"""The decoding child: `python -m evaluation.metrics.features.decode_worker`, which `features.images` alone starts.

Jobs come as lines of JSON {"path", "recipe", "network_size"} on standard input; an answer is a line of JSON and `bytes`
bytes of pixels. A file that kills it, kills only it; a closed input ends it, so it never outlives its parent.
"""

from __future__ import annotations

import json
import math
import os
import sys

from common.hashes import bytes_sha256
from evaluation.metrics.features.decode import MAX_BYTES, NotScoredError, pixels_for
from evaluation.metrics.features.resize import Recipe

_MEMORY = 3 * 2**30
_CPU_SECONDS = 60.0


def main() -> int:
    """Serve jobs until the input closes."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a library prints must not land between two answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _limit_memory()
    while line := sys.stdin.buffer.readline():
        job = json.loads(line)
        _limit_cpu()
        header, payload = _answer(job["path"], Recipe(**job["recipe"]), job["network_size"])
        answers.write(json.dumps({**header, "bytes": len(payload)}).encode() + b"\n")
        answers.write(payload)
        answers.flush()
    return 0


def _answer(path: str, recipe: Recipe, network_size: int) -> tuple[dict[str, object], memoryview]:
    sha256 = ""
    try:
        if not os.path.isfile(path):  # a pipe would never end
            raise NotScoredError("this is not a regular file" if os.path.exists(path) else "the link leads nowhere")
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        sha256 = bytes_sha256(data)
        pixels, notes = pixels_for(data, recipe, network_size)
    except NotScoredError as error:
        return {"why": str(error), "sha256": sha256}, memoryview(b"")
    except MemoryError:
        return {"why": "decoding it takes too much memory", "sha256": sha256}, memoryview(b"")
    except OSError as error:
        return {"why": f"the file can't be read: {(error.strerror or str(error)).lower()}", "sha256": ""}, memoryview(
            b""
        )
    header: dict[str, object] = {"shape": pixels.shape, "dtype": str(pixels.dtype), "notes": notes, "sha256": sha256}
    return header, memoryview(pixels.tobytes())


def _limit_memory() -> None:
    """Memory above what it has now, no files written, no core dumped. What a platform lacks is left out."""
    try:
        import resource

        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        wanted = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_FSIZE: 0,
            resource.RLIMIT_AS: used + _MEMORY,
        }
        for limit, value in wanted.items():
            hard = resource.getrlimit(limit)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (value, value))
    except (ImportError, OSError, ValueError):
        return


def _limit_cpu() -> None:
    """Processor time from now on: the limit counts from the process's start, so it moves with each job."""
    try:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        soft = math.ceil(used.ru_utime + used.ru_stime + _CPU_SECONDS)
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
    except (ImportError, OSError, ValueError):
        return


if __name__ == "__main__":
    sys.exit(main())
