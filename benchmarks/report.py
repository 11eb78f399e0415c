"""How large, how fast and how heavy a report's file, a bundle and its check are, by the number of ratings.

    python -m benchmarks.report 10000 1000000

Of a study of two generators on 200 prompts in 11 categories with two questions, whose raters answer everything. Each
step runs in a process of its own: its seconds, and the most memory that it had at once. The program in the file runs in
Chromium, from the disk (`DRAWBENCH_CHROMIUM`, see tests/chromium.py): the first press, and a second one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.commands import refuse_repeated
from common.hashes import file_sha256, hash_of
from evaluation import protocols
from evaluation.analysis.families import ALL
from evaluation.analysis.frame import read_ratings
from evaluation.reports.bundle.chain import CLOSING, OPENING, RATINGS, Link, commitment_of, instance_key, new_salt
from evaluation.reports.bundle.contents import LOCKED, Writing, bundle_writer, json_bytes, line_bytes
from evaluation.reports.bundle.input import input_from, input_json
from evaluation.reports.bundle.records import files_of
from evaluation.reports.bundle.verify import verify_bundle
from evaluation.reports.carried import packed
from evaluation.reports.compute import ReportInput, compute_report, counted_of, settings_from
from evaluation.reports.document import ReportDocument
from evaluation.reports.one_file import one_file
from evaluation.reports.ratings_file import csv_parts

PROMPTS, CATEGORIES, QUESTIONS = 200, 11, ("fidelity", "alignment")
A_LINK = 5_000
KEY = instance_key("benchmark")
HEAD = "<head><meta charset='utf-8'><title>x</title></head>"
PAGE = f"<!doctype html><html lang='en'>{HEAD}<body><main></main></body></html>"


def records(n: int) -> Iterator[dict[str, Any]]:
    """`n` records, as a study would have sealed them."""
    rng = np.random.default_rng(1)
    for at in range(n):
        rest, question = divmod(at, len(QUESTIONS))
        rater, prompt = divmod(rest, PROMPTS)
        yield {
            "rater": f"{rater:024x}",
            "panel": "",
            "simulated": True,
            "prompt": prompt,
            "category": f"category {prompt % CATEGORIES}",
            "generators": ["one", "two"],
            "order": [[0, 1], [1, 0]][int(rng.integers(2))],
            "position": prompt,
            "repetition": 0,
            "control": "",
            "expected": {},
            "question": QUESTIONS[question],
            "choice": ["left", "right", "indifferent"][int(rng.integers(3))],
            "value": None,
            "response_time_ms": int(rng.integers(1500, 20_000)),
            "at": f"2026-01-{1 + at % 28:02d}T00:00:00.{at % 1_000_000:06d}Z",
            "evidence": None,
            "shown_width": None,
            "shown_device_width": None,
            "theme": None,
        }


def sealed(n: int) -> tuple[list[tuple[str, str]], list[Link], dict[str, Any]]:
    """Salt and commitment of each of `records(n)`, links, and what the study locked."""
    protocol = protocols.get("drawbench")
    locked: dict[str, Any] = {name: {} for name in LOCKED}
    locked["specification.json"] = {"protocol": protocol.specification(), "study": "benchmark"}
    told: list[tuple[str, dict[str, Any]]] = [
        (OPENING, {"locked": {name: hash_of(value) for name, value in locked.items()}})
    ]
    seals = []
    for record in records(n):
        salt = new_salt()
        seals.append((salt, commitment_of(salt, record)))
    names = [commitment for _, commitment in seals]
    told += [(RATINGS, {"commitments": names[at : at + A_LINK]}) for at in range(0, n, A_LINK)]
    links: list[Link] = []
    for number, (kind, body) in enumerate([*told, (CLOSING, {"n_ratings": n})]):
        head = {"study": "benchmark", "number": number, "previous": links[-1].head if links else "", "kind": kind}
        links.append(Link.signed({**head, "at": "2026-01-31T00:00:00.000000Z", **body}, KEY))
    return seals, links, locked


def export(n: int, folder: Path) -> dict[str, Any]:
    """Seal, compute and write a bundle, its records as a stream, as `study_export` does."""
    begun = time.perf_counter()
    seals, links, locked = sealed(n)
    sealing = time.perf_counter() - begun

    def standing(out: Writing) -> Iterator[dict[str, Any]]:
        for (salt, commitment), record in zip(seals, records(n), strict=True):
            out.write(line_bytes({"commitment": commitment, "salt": salt, "record": record}))
            yield record

    settings = settings_from({})
    head = {"study": "benchmark", "pseudonym_key": "key", "head": links[-1].head, "specification_hash": ""}
    with bundle_writer(folder / "bundle.zip", KEY) as bundle:
        for name, value in locked.items():
            bundle.add(name, json_bytes(value))
        bundle.add("chain.jsonl", (line_bytes(link.to_dict()) for link in links))
        with bundle.file("records.jsonl") as out:
            ratings, answers = files_of(standing(out), locked["specification.json"], "key")
        told = input_json(ReportInput(ratings, QUESTIONS, None, None, None, family=ALL, n_shown=PROMPTS), {})
        results = compute_report(input_from(told, ratings, answers, None), settings).to_dict()
        report = {"settings": settings.to_dict(), "code_version": "x", "results": results}
        bundle.add("ratings.csv", csv_parts(ratings))
        with (folder / "ratings.csv").open("wb") as file:
            file.writelines(csv_parts(ratings))
        for name, value in {"input.json": told, "report.json": report}.items():
            bundle.add(name, json_bytes(value))
            (folder / name).write_bytes(json_bytes(value))
        bundle.finish(head)
    as_read(ratings).to_pickle(folder / "ratings.pickle")
    return {"of which sealing, s": round(sealing, 2), "MB": megabytes(folder / "bundle.zip")}


def as_read(frame: pd.DataFrame) -> pd.DataFrame:
    """The ratings as `ratings_frame` has them: texts as objects, each kept once."""
    return frame.assign(
        **{
            name: pd.Series(levels.to_numpy(dtype=object)[codes], dtype=object)
            for name in frame.select_dtypes("string")
            for codes, levels in [pd.factorize(frame[name])]
        }
    )


def most_memory() -> int:
    """MiB that this process had at once so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def csv_file(_: int, folder: Path) -> dict[str, Any]:
    """The ratings as CSV, of the frame as it was read from the database."""
    frame = pd.read_pickle(folder / "ratings.pickle")
    before = most_memory()
    with (folder / "export.csv").open("wb") as out:
        out.writelines(csv_parts(frame))
    assert file_sha256(folder / "export.csv") == file_sha256(folder / "ratings.csv")
    return {"MiB with the frame": before, "MB": megabytes(folder / "export.csv")}


def kit(_: int, folder: Path) -> dict[str, Any]:
    """The paper kit, without the page's file."""
    from evaluation.reports.kit.contents import kit_files, write_kit
    from tests.reports.kit.sources import plain_source, specification

    frame = pd.read_pickle(folder / "ratings.pickle")
    document = ReportDocument.from_dict(json.loads((folder / "report.json").read_bytes())["results"])
    locked = specification(["one", "two"])
    source = replace(plain_source(), ratings=frame, document=document, specification=locked)
    before = most_memory()
    with (folder / "kit.zip").open("wb") as out:
        write_kit(out, kit_files(source), "kit")
    return {"MiB with the frame": before, "MB": megabytes(folder / "kit.zip")}


def verify(_: int, folder: Path) -> dict[str, Any]:
    found = verify_bundle(folder / "bundle.zip")
    assert found.holds, found.differences[:3]
    return {"numbers": found.n_numbers}


def report(_: int, folder: Path) -> dict[str, Any]:
    """The results alone, of the ratings as read."""
    given = given_of(folder)
    begun = time.perf_counter()
    results = compute_report(given, settings_from({})).to_dict()
    return {
        "of which computing, s": round(time.perf_counter() - begun, 2),
        "results, kB": len(json_bytes(results)) // 1000,
    }


def given_of(folder: Path) -> ReportInput:
    return input_from(
        json.loads((folder / "input.json").read_bytes()), read_ratings(folder / "ratings.csv"), None, None
    )


def one_file_of(_: int, folder: Path) -> dict[str, Any]:
    """The file with its ratings; of the page, nothing but what carries and computes."""
    given = given_of(folder)
    begun = time.perf_counter()
    results = json.loads((folder / "report.json").read_bytes())["results"]
    carried = {"ratings": packed(counted_of(given.ratings, given.answers).ratings), "results": results}
    text = one_file(PAGE, fetch=lambda _: None, styles=lambda _: "", carried=carried)
    (folder / "report.html").write_text(text, encoding="utf-8")
    return {"of which packing, s": round(time.perf_counter() - begun, 2), "MB": megabytes(folder / "report.html")}


def in_chromium(_: int, folder: Path) -> dict[str, Any]:
    """Seconds from the press of the button to the outcome, by the page's own clock."""
    from playwright.sync_api import sync_playwright

    from tests.chromium import FLAGS, prepare

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=prepare(), args=FLAGS)
        page = browser.new_page()
        page.goto((folder / "report.html").as_uri())
        told = []
        for _ in range(2):
            page.evaluate("delete document.getElementById('recompute-outcome').dataset.differences")
            page.get_by_role("button", name="Compute again").click()
            page.wait_for_selector("#recompute-outcome[data-differences='0']", timeout=120_000)
            told.append(page.locator("#recompute-outcome p").inner_text())
        browser.close()
    return {"told": told}


STEPS: dict[str, Callable[[int, Path], dict[str, Any]]] = {
    "export": export,
    "verify": verify,
    "report": report,
    "csv": csv_file,
    "kit": kit,
    "file": one_file_of,
    "chromium": in_chromium,
}


def megabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 2)


def _measured(step: str, n: int, folder: Path, queue: Any) -> None:
    begun, processor = time.perf_counter(), time.process_time()
    found = STEPS[step](n, folder)
    used = {"s": round(time.perf_counter() - begun, 2), "processor, s": round(time.process_time() - processor, 2)}
    queue.put({"ratings": n, "step": step, **used, "most memory, MiB": most_memory(), **found})


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ratings", type=int, nargs="+", help="numbers of ratings")
    parser.add_argument("--without-chromium", action="store_true", help="leave the program in the browser out")
    options = refuse_repeated(parser).parse_args(arguments)
    context = multiprocessing.get_context("spawn")
    for n in options.ratings:
        with tempfile.TemporaryDirectory() as folder:
            for step in STEPS:
                if step == "chromium" and options.without_chromium:
                    continue
                queue = context.Queue()
                process = context.Process(target=_measured, args=(step, n, Path(folder), queue))
                process.start()
                print(json.dumps(queue.get()), flush=True)
                process.join()


if __name__ == "__main__":
    main()
