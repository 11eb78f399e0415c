"""Potato beside DrawBench, for `benchmarks.rating --potato`: a like task, like raters, the processor time it takes.

Potato is installed in an environment of its own (`HOW`); this starts it as its documents do (`potato start`). A trial
asks it for the least that its own page asks for: the page, its two images, both answers in one save, and the step to
the next trial.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks.connections import _free_port

VERSION = "2.12.1"
HOW = f"python3 -m venv potato && potato/bin/pip install potato-annotation=={VERSION}, then --potato potato/bin/python"
ITEMS = 60
START_PATIENCE = 120
ANSWERS = ("left", "indifferent", "right")
QUESTIONS = {
    "fidelity": "Which set of images is of higher quality?",
    "alignment": "Which set of images better represents the text caption?",
}


@contextmanager
def potato_served(python: Path, folder: Path, side: int) -> Iterator[tuple[int, psutil.Process]]:
    """Potato with the task in `folder`, its images noise of `side` pixels: its port and its process."""
    _task(folder, side)
    port = _free_port()
    with (folder / "log").open("wb") as log:
        serving = subprocess.Popen(
            [python.with_name("potato"), "start", "config.yaml", "-p", str(port)],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        )
    try:
        _wait(port, serving, folder / "log")
        yield port, psutil.Process(serving.pid)
    finally:
        serving.terminate()
        serving.wait()


def potato_version(python: Path) -> str:
    """The version of Potato in the environment of `python`; "" where there is none."""
    program = "import importlib.metadata as m; print(m.version('potato-annotation'))"
    try:
        told = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""


def potato_crowd(port: int, raters: Sequence[str], seconds: float) -> tuple[int, int]:
    """Let these rate without a pause for so long: how many trials, and how many errors."""

    async def all_of_them() -> list[tuple[int, int]]:
        until = time.monotonic() + seconds
        return await asyncio.gather(*(_rate(port, each, until) for each in raters))

    found = asyncio.run(all_of_them())
    return sum(cycles for cycles, _ in found), sum(errors for _, errors in found)


def potato_cpu_seconds(process: psutil.Process) -> float:
    """Of it and its children, so far."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def _task(folder: Path, side: int) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    for number in range(ITEMS):
        for name in ("left", "right"):
            pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / f"{number}-{name}.png", compress_level=1)
    items = [
        {
            "id": f"i{number}",
            "text": f"prompt {number} of many words about a red cube",
            **{name: f"/media/{number}-{name}.png" for name in ("left", "right")},
        }
        for number in range(ITEMS)
    ]
    (folder / "data" / "items.json").write_text(json.dumps(items))
    config = {
        "annotation_task_name": "bench",
        "server_name": "potato",
        "host": "127.0.0.1",
        "port": 8000,
        "task_dir": ".",
        "output_annotation_dir": "annotation_output",
        "output_annotation_format": "jsonl",
        "data_files": ["data/items.json"],
        "item_properties": {"id_key": "id", "text_key": "text"},
        "media_directory": "images",
        "require_password": False,
        "user_config": {"allow_all_users": True, "users": []},
        "authentication": {"method": "in_memory"},
        "site_dir": "default",
        "assignment_strategy": "fixed_order",
        "instance_display": {
            "layout": {"direction": "horizontal"},
            "fields": [
                {"key": "left", "type": "image"},
                {"key": "right", "type": "image"},
                {"key": "text", "type": "text"},
            ],
        },
        "annotation_schemes": [
            {"annotation_type": "radio", "name": name, "description": text, "labels": list(ANSWERS)}
            for name, text in QUESTIONS.items()
        ],
    }
    (folder / "config.yaml").write_text(json.dumps(config))


def _wait(port: int, serving: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline and serving.poll() is None:
        try:
            asyncio.run(_ask(port, "GET", "/auth", ""))
        except (OSError, asyncio.IncompleteReadError, RuntimeError):
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"Potato does not start:\n{log.read_text(errors='replace')[-2000:]}")


async def _rate(port: int, name: str, until: float) -> tuple[int, int]:
    cycles = 0
    try:
        head, _ = await _ask(port, "POST", "/auth", "", f"email={name}&pass=", "application/x-www-form-urlencoded")
        cookie = head.partition("set-cookie: ")[2].partition(";")[0]
        while time.monotonic() < until:
            _, page = await _ask(port, "GET", "/annotate", cookie)
            if b"/media/" not in page:  # all items are done
                return cycles, 0
            number = page.partition(b"/media/")[2].partition(b"-")[0].decode()
            for side in ("left", "right"):
                await _ask(port, "GET", f"/media/{number}-{side}.png", cookie)
            annotations = {
                f"{question}:{answer}": answer
                for question, answer in zip(QUESTIONS, (_answer(), _answer()), strict=True)
            }
            saved = {"instance_id": f"i{number}", "annotations": annotations, "span_annotations": []}
            _, told = await _ask(port, "POST", "/updateinstance", cookie, json.dumps(saved))
            if json.loads(told).get("status") not in ("ok", "success"):
                raise RuntimeError(f"Potato did not save: {told[:200]!r}")
            step = {"action": "next_instance", "instance_id": f"i{number}"}
            await _ask(port, "POST", "/annotate", cookie, json.dumps(step))
            cycles += 1
    except (OSError, RuntimeError, asyncio.IncompleteReadError) as error:
        print(error, file=sys.stderr)
        return cycles, 1
    return cycles, 0


def _answer() -> str:
    return random.choice(ANSWERS)


async def _ask(
    port: int, method: str, path: str, cookie: str, body: str = "", kind: str = "application/json"
) -> tuple[str, bytes]:
    """Head, lower-case but for the cookie's value, and body. Its server keeps no connection open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    data = body.encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept: */*", "Connection: close"]
    lines += [f"Cookie: {cookie}"] if cookie else []
    if method == "POST":
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(data)}", "X-Potato-Navigation: 1"]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    answer = await reader.read(-1)
    writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    told = head.decode("latin-1").replace("Set-Cookie: ", "set-cookie: ")
    if told.split(" ")[1:2] not in (["200"], ["302"]):
        raise RuntimeError(f"{path}: {told.partition(chr(13))[0]} {rest[:200]!r}")
    return told, rest
