"""`./dev screenshots`: pictures of the demonstration in a real browser, those of README.md and docs/ among them.

Starts `./dev demo`, looks at it as a rater and as a researcher, on a desktop and a phone, light and dark, and leaves
the study as it was: the rater that it enrols withdraws.
"""

import argparse
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.chromium import CHECKOUT, FLAGS

DESKTOP = ViewportSize(width=1280, height=860)
PHONE = ViewportSize(width=390, height=844)
IN_DOCS = ("rater.png", "rater-phone.png", "report.png", "study.png")
"""The pictures that documents show; they are copied to docs/images."""

ADDRESS = re.compile(r"(Rate as a rater|Sign in as researcher|Read the report):\s+(http\S+)")


WHOLE = "The demonstration is ready."


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the demonstration says that it stands."""

    rater: str
    sign_in: str
    report: str


@contextlib.contextmanager
def demonstration(arguments: list[str]) -> Iterator[Addresses]:
    """A whole demonstration that serves, until the block ends. Raises SystemExit when it does not come up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "drawbench.local", "demo", "--port", str(port), *arguments]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        found: dict[str, str] = {}
        whole = served = False  # it is served before all of it is there
        assert process.stdout is not None
        for line in process.stdout:
            whole, served = whole or WHOLE in line, served or line.startswith("Serving")
            if match := ADDRESS.search(line):
                found[match[1]] = match[2]
            if whole and served and line.startswith("Its first"):
                break
        else:
            raise SystemExit("The demonstration did not come up; its message is above.")
        try:
            yield Addresses(found["Rate as a rater"], found["Sign in as researcher"], found["Read the report"])
        finally:
            process.terminate()


def main() -> int:
    """Take all pictures into `--out`, and those of the documents also into docs/images, unless `--out` was given.

    Further arguments go to the demonstration.
    """
    parser = argparse.ArgumentParser(prog="./dev screenshots", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder of all (var/screenshots, and docs/images is refreshed)")
    options, rest = parser.parse_known_args()
    out: Path = options.out or CHECKOUT / "var" / "screenshots"
    out.mkdir(parents=True, exist_ok=True)
    with demonstration(rest) as addresses, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("DRAWBENCH_CHROMIUM"), args=FLAGS)
        _rater(browser, addresses.rater, out)
        _researcher(browser, addresses, out)
        browser.close()
    if options.out is None:
        for name in IN_DOCS:
            shutil.copyfile(out / name, CHECKOUT / "docs" / "images" / name)
    print(f"Pictures: {out}" + ("" if options.out else f"; of them in docs/images: {', '.join(IN_DOCS)}"))
    return 0


def _rater(browser: Browser, address: str, out: Path) -> None:
    """The rater's pages from consent to the first trial; the rater then withdraws."""
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto(address)
    _shot(page, out / "rater-consent.png")
    page.get_by_role("button", name="agree").click()
    _shot(page, out / "rater-instructions.png", whole=True)
    page.get_by_role("button", name="Begin").click()
    _trial_ready(page)
    _shot(page, out / "rater.png")
    page.emulate_media(color_scheme="dark")
    _shot(page, out / "rater-dark.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    _shot(page, out / "rater-phone.png", whole=True)
    page.goto(address.split("/r/")[0] + "/r/withdraw")
    page.get_by_role("button", name="Leave").click()
    context.close()


def _trial_ready(page: Page) -> None:
    page.wait_for_selector("#answers fieldset:not([disabled])")


def _researcher(browser: Browser, addresses: Addresses, out: Path) -> None:
    """The researcher's pages, signed in by the one-time link."""
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto(addresses.sign_in)
    if page.get_by_role("button", name="Sign in").count():
        page.get_by_role("button", name="Sign in").click()
    _shot(page, out / "home.png", whole=True)
    _pictures_of_report(context, addresses.report, out)
    page.goto(addresses.report.removesuffix("report/"))
    _shot(page, out / "study.png", whole=True)
    _pictures_of_scores(page, addresses, out)
    context.close()


def _pictures_of_scores(page: Page, addresses: Addresses, out: Path) -> None:
    """The page of the first run, the form of a score, its first automatic score where it has one, and the curves."""
    page.goto(addresses.report.split("/studies/")[0] + "/runs/")
    page.locator("main tbody th a").first.click()
    _shot(page, out / "run.png", whole=True)
    run = page.url
    page.get_by_role("button", name="Score images").click()
    _shot(page, out / "score-new.png", whole=True)
    page.goto(run)
    scores = page.locator("#run-scores th a")
    if scores.count():
        scores.first.click()
        _shot(page, out / "score.png", whole=True)
        page.emulate_media(color_scheme="dark")
        _shot(page, out / "score-dark.png", whole=True)
        page.emulate_media(color_scheme="light")
    page.goto(addresses.report.split("/studies/")[0] + "/curves/")
    _shot(page, out / "curves.png", whole=True)


def _pictures_of_report(context: BrowserContext, address: str, out: Path) -> None:
    page = context.new_page()
    page.goto(address)
    _shot(page, out / "report.png")
    _shot(page, out / "report-whole.png", whole=True)
    page.emulate_media(color_scheme="dark")
    _shot(page, out / "report-dark.png")
    page.close()


def _shot(page: Page, file: Path, *, whole: bool = False) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=file, full_page=whole, animations="disabled")


if __name__ == "__main__":
    sys.exit(main())
