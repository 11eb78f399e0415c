"""A report's file in a browser, from the disk: it computes itself again, with one rating changed too, and needs no
network, nor JavaScript to be read.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.summary import analyse_valid
from evaluation.reports.carried import packed
from evaluation.reports.one_file import one_file
from tests.reports.test_second_program import votes

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Report</title></head>
<body><main><h1>Net shares</h1><p><img src="/figure.svg" alt="what it shows"></p></main></body></html>"""
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report's file, and one in which a rating was changed afterwards."""
    frame = votes(31, (6, 8, 2))
    results = analyse_valid(validate_ratings(frame)).to_dict()
    other = frame.copy()
    other.loc[frame.index[frame["choice"] == "b"][0], "choice"] = "a"
    folder, found = tmp_path_factory.mktemp("report"), {}
    for name, own in (("whole", frame), ("changed", other)):
        carried = {"ratings": packed(validate_ratings(own)), "results": results}
        text = one_file(PAGE, fetch=lambda _: (SVG, "image/svg+xml"), styles=lambda _: "", carried=carried)
        found[name] = folder / f"{name}.html"
        found[name].write_text(text, encoding="utf-8")
    return found


def computed(page: Page, file: Path) -> str:
    """What the page says after a press of the button."""
    page.goto(file.as_uri())
    page.get_by_role("button", name="Compute again").click()
    page.wait_for_selector("#recompute-outcome[data-differences]")
    return page.locator("#recompute-outcome").inner_text()


def test_from_the_disk_without_a_network(page: Page, files: dict[str, Path]) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.context.set_offline(True)
    told = computed(page, files["whole"])
    assert told.startswith("None of ") and errors == []
    assert page.evaluate("document.querySelector('img').naturalWidth") == 40
    told = computed(page, files["changed"])
    assert "numbers differ." in told and "overall, counts, a" in told and "net, intervals, effective, low" in told
    page.evaluate("document.getElementById('carried-ratings').textContent = 'eJw='")
    page.get_by_role("button", name="Compute again").click()
    page.wait_for_selector("#recompute-outcome[data-differences=unreadable]")
    assert errors == []


def test_the_focus_is_handed_on_to_what_was_computed(page: Page, files: dict[str, Path]) -> None:
    page.goto(files["whole"].as_uri())
    page.get_by_role("button", name="Compute again").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#recompute-outcome[data-differences]")
    page.wait_for_timeout(200)
    assert page.evaluate("document.activeElement.id") == "recompute-outcome"


def test_no_script_but_its_own_runs(page: Page, files: dict[str, Path], tmp_path: Path) -> None:
    text = files["whole"].read_text(encoding="utf-8")
    (tmp_path / "more.html").write_text(text.replace("</body>", "<script>document.title = 'ran'</script></body>"))
    page.goto((tmp_path / "more.html").as_uri())
    assert page.title() == "Report"


def test_it_can_be_read_without_javascript(browser: Browser, files: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["whole"].as_uri())
    assert "Net shares" in page.inner_text("main") and "needs JavaScript" in page.inner_text("main")
    assert not page.locator("#recompute-button").is_visible()
    context.close()


def test_data_end_no_block(tmp_path: Path) -> None:
    text = one_file(
        PAGE, fetch=lambda _: None, styles=lambda _: "", carried={"ratings": "", "results": {"a": "</script><b>"}}
    )
    assert json.loads(text.split('id="carried-results">')[1].split("</script>")[0]) == {"a": "</script><b>"}
