"""How long the program in a report's file takes to compute it again, in Chromium and from the disk, with many pairs.

    python -m benchmarks.report_again [--ratings 1000000] [--generators 10] [--raters 10000] [--presses 5]

Every rating is by one of `--raters` people, drawn at random, on 200 prompts in 11 categories: the more people, the more
cells there are to walk. The file is the report's own but for page and figures. Per press of the button: seconds by the
page's clock, and of processor time of the page's thread, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.report import PAGE, megabytes
from benchmarks.report_page import ratings_of
from common.commands import refuse_repeated
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.summary import analyse_valid
from evaluation.reports.carried import packed
from evaluation.reports.one_file import one_file

ONE_RATING = ["rater_id", "prompt_id", "generator_a", "generator_b", "question"]


def by_many(n: int, generators: int, raters: int) -> pd.DataFrame:
    """Some `n` ratings of all pairs of `generators` by `raters` people, each on what chance gave."""
    frame = ratings_of(n, generators)
    people = np.array([f"r{at:06d}" for at in range(raters)])
    frame["rater_id"] = people[np.random.default_rng(1).integers(0, raters, len(frame))]
    return frame.drop_duplicates(ONE_RATING, ignore_index=True)


def written(folder: Path, n: int, generators: int, raters: int) -> tuple[Path, int]:
    """The file, and how many ratings it carries."""
    valid = validate_ratings(by_many(n, generators, raters))
    carried = {"ratings": packed(valid), "results": analyse_valid(valid).to_dict()}
    path = folder / "report.html"
    path.write_text(one_file(PAGE, fetch=lambda _: None, styles=lambda _: "", carried=carried), encoding="utf-8")
    return path, len(valid)


def pressed(path: Path, presses: int) -> tuple[list[float], list[float], str]:
    """Of each press, in a page of its own: seconds by the clock and of processor time; what the last one said."""
    from playwright.sync_api import sync_playwright

    from tests.chromium import FLAGS, prepare

    clock, processor, told = [], [], ""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=prepare(), args=FLAGS)
        for _ in range(presses):
            page = browser.new_page()
            page.goto(path.as_uri())
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            before = _busy(session.send("Performance.getMetrics"))
            page.get_by_role("button", name="Compute again").click()
            page.wait_for_selector("#recompute-outcome[data-differences='0']", timeout=120_000)
            processor.append(_busy(session.send("Performance.getMetrics")) - before)
            told = page.locator("#recompute-outcome p").first.inner_text()
            clock.append(float(told.split("Computed in ")[1].split()[0]))
            page.close()
        browser.close()
    return clock, processor, told


def _busy(told: dict[str, list[dict[str, float | str]]]) -> float:
    return float(next(each["value"] for each in told["metrics"] if each["name"] == "TaskDuration"))


def spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--generators", type=int, default=10)
    parser.add_argument("--raters", type=int, default=10_000)
    parser.add_argument("--presses", type=int, default=5)
    given = refuse_repeated(parser).parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        path, n = written(Path(folder), given.ratings, given.generators, given.raters)
        clock, processor, told = pressed(path, given.presses)
        print(
            f"{n:,} ratings of {given.generators} generators by {given.raters:,} raters, {megabytes(path)} MB: by the "
            f"page's clock {spread(clock)}, of processor time {spread(processor)}. {told.split('.')[0]}."
        )


if __name__ == "__main__":
    main(sys.argv[1:])
