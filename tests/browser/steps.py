"""Steps that the tests of the rater's page share: the way in, answering, waiting for what the page shows."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from evaluation.models import Rating

TRIALS = 4
READY = "fieldset.active:not([disabled])"

Enter = Callable[[Page], None]


def standing() -> list[tuple[int, str, str | None]]:
    """(position, question, choice) of the ratings that stand."""
    rows = Rating.objects.filter(retracted_at=None).order_by("assignment__position", "question")
    return list(rows.values_list("assignment__position", "question", "shown_choice"))


def rate(page: Page, keys: str = "12") -> None:
    """Answer the trial shown by its keys, and go on."""
    page.wait_for_selector(READY)
    for key in keys:
        page.keyboard.press(key)
    page.keyboard.press("Enter")


def place(page: Page, number: int) -> None:
    """The page shows this comparison, counted from 1."""
    expect(page.locator("#progress-text")).to_have_text(f"Comparison {number} of {TRIALS}")


def ask_until(page: Page, script: str, wanted: Callable[[int], bool]) -> None:
    """Ask the page until it answers so. Asked from here: what a page repeats by itself would be `eval`, which its
    content security policy forbids."""
    for _ in range(300):
        answer = page.evaluate(script)
        if wanted(answer):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{script}: {answer}")


def saved(page: Page) -> None:
    """Wait until the browser keeps no answer: each has reached the server. The words alone may be from before."""
    kept = "Object.keys(localStorage).filter((key) => key.startsWith('drawbench-answers-')).length"
    ask_until(page, kept, lambda answers: answers == 0)
    expect(page.locator("#saved")).to_have_text("All answers saved")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control called `name` has the focus, and shows it."""
    for _ in range(40):
        page.keyboard.press("Tab")
        text = page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).innerText")
        if text.split("\n")[0].strip().startswith(name):
            assert page.evaluate("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"Tab does not lead to {name!r}")
