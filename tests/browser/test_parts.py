"""Large files from a page: in parts, over a connection that breaks, and after the page was left."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from PIL import Image
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import IncomingFile, Suite, Upload
from evaluation.services.accounts.sign_in_link import sign_in_link_create
from evaluation.services.uploads.check import upload_check
from tests.studies.world import a_suite

pytestmark = pytest.mark.browser


@pytest.fixture
def link(live_server: LiveServer) -> str:
    return live_server.url + sign_in_link_create(user=User.objects.create_user("ada"))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A zip of some 6 MB: noise does not shrink."""
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for prompt in range(2):
            pixels = np.random.default_rng(prompt).integers(0, 255, (1000, 1000, 3), dtype=np.uint8)
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "PNG", compress_level=0)
            archive.writestr(f"{prompt:05d}/0.png", file.getvalue())
    assert path.stat().st_size > 5 * 2**20
    return path


def _fill(page: Page, path: Path) -> None:
    page.get_by_label("Run name").fill("rival")
    page.get_by_label("Generator").fill("imagen")
    page.locator("#id_file").set_input_files(path)


def _offset(route: Route) -> int:
    found = re.search(r"offset=(\d+)", route.request.url)
    assert found is not None
    return int(found[1])


def test_a_broken_connection_costs_one_part(page: Page, live_server: LiveServer, link: str, large: Path) -> None:
    a_suite({"Colors": 2})
    offsets: list[int] = []

    def break_twice(route: Route) -> None:
        offsets.append(_offset(route))
        if len(offsets) == 2:
            route.abort()
        elif len(offsets) == 3:
            route.fulfill(status=503, body="<p>The server is starting again.")
        else:
            route.continue_()

    page.route("**/part/*", break_twice)
    page.goto(link)
    page.goto(live_server.url + "/uploads/new/")
    _fill(page, large)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#upload-said")).to_contain_text("The connection was lost")
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}/"), timeout=30_000)
    assert offsets[1] == offsets[2] == offsets[3] == 2**20, "the same part again, and not the whole file"
    upload = Upload.objects.get()
    assert upload.file_name == "images.zip" and not IncomingFile.objects.exists()
    while not upload_check(upload=upload, seconds=30):
        pass
    assert upload.n_files == 2


def test_the_same_file_goes_on_where_it_stopped(
    page: Page, live_server: LiveServer, link: str, large: Path, tmp_path: Path
) -> None:
    a_suite({"Colors": 2})
    page.goto(link)
    page.goto(live_server.url + "/uploads/new/")
    page.route("**/part/*", lambda route: route.continue_() if _offset(route) == 0 else route.abort())
    _fill(page, large)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#upload-said")).to_contain_text("what was sent is kept")
    [half] = IncomingFile.objects.all()
    assert half.n_received == 2**20

    offsets: list[int] = []

    def look(route: Route) -> None:
        offsets.append(_offset(route))
        route.continue_()

    page.unroute("**/part/*")
    page.route("**/part/*", look)
    page.reload()
    _fill(page, large)
    page.get_by_label("Run name").fill("")  # what is wrong with the form is told before anything is sent
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#upload-problem")).to_contain_text("Run name")
    assert offsets == []
    page.get_by_label("Run name").fill("rival")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}/"), timeout=30_000)
    assert offsets[:2] == [0, 2**20], "the part that was there is compared, and the rest is sent"
    upload = Upload.objects.get()
    while not upload_check(upload=upload, seconds=30):
        pass
    assert upload.n_files == 2


def test_the_focus_is_handed_on_while_the_button_is_disabled(
    page: Page, live_server: LiveServer, link: str, large: Path
) -> None:
    """It would be lost to the page's top; a program that reads the page aloud would begin there."""
    a_suite({"Colors": 2})
    page.goto(link)
    page.goto(live_server.url + "/uploads/new/")
    page.route("**/part/*", lambda route: route.abort())
    _fill(page, large)
    button = page.get_by_role("button", name="Upload", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#upload-said")).to_contain_text("The connection was lost")
    expect(button).to_be_disabled()
    assert page.evaluate("document.activeElement.id") == "upload-progress"
    page.unroute("**/part/*")
    page.route("**/part/*", lambda route: route.fulfill(status=422, json={"detail": "No."}))
    expect(page.locator("#upload-problem")).to_contain_text("No.", timeout=40_000)
    assert page.evaluate("document.activeElement.id") == "upload-problem"


def a_folder(root: Path) -> Path:
    """Images of two prompts under names that are not ASCII, or too long for a tar's own field."""
    folder = root / "images"
    for prompt, name in enumerate(("caf\u00e9", "x" * 120)):
        pixels = np.random.default_rng(prompt).integers(0, 255, (700, 700, 3), dtype=np.uint8)
        (folder / name / f"{prompt:05d}").mkdir(parents=True)
        Image.fromarray(pixels).save(folder / name / f"{prompt:05d}" / "0.png", "PNG", compress_level=0)
    return folder


def test_a_folder_is_sent_as_one_file_and_goes_on_where_it_stopped(
    page: Page, live_server: LiveServer, link: str, tmp_path: Path
) -> None:
    a_suite({"Colors": 2})
    folder = a_folder(tmp_path)
    page.goto(link)
    page.goto(live_server.url + "/uploads/new/")
    page.route("**/part/*", lambda route: route.continue_() if _offset(route) == 0 else route.abort())
    page.get_by_label("Run name").fill("rival")
    page.get_by_label("Generator").fill("imagen")
    page.locator("#id_folder").set_input_files(folder)
    expect(page.locator("#chosen")).to_contain_text("images.tar: 2 files, 3 MB")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#upload-said")).to_contain_text("what was sent is kept")
    offsets: list[int] = []

    def look(route: Route) -> None:
        offsets.append(_offset(route))
        route.continue_()

    page.unroute("**/part/*")
    page.route("**/part/*", look)
    page.reload()
    page.get_by_label("Run name").fill("rival")
    page.get_by_label("Generator").fill("imagen")
    page.locator("#id_folder").set_input_files(folder)
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}/"), timeout=30_000)
    assert offsets[:2] == [0, 2**20]
    upload = Upload.objects.get()
    while not upload_check(upload=upload, seconds=30):
        pass
    assert upload.file_name == "images.tar"
    assert [(row["file"].split("/")[1][:4], row["problem"], row["prompt_id"]) for row in upload.table] == [
        ("caf\u00e9", "", "00000"),
        ("xxxx", "", "00001"),
    ]


def test_what_is_dropped_is_sent(page: Page, live_server: LiveServer, link: str) -> None:
    a_suite({"Colors": 2})
    page.goto(link)
    page.goto(live_server.url + "/uploads/new/")
    page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            for (const name of ["00000_0.png", "00001_0.png"]) transfer.items.add(new File(["x"], name));
            const drop = document.getElementById("drop");
            drop.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
        }"""
    )
    expect(page.locator("#chosen")).to_contain_text("images.tar: 2 files")


def test_a_large_suite_comes_in_parts(page: Page, live_server: LiveServer, link: str, tmp_path: Path) -> None:
    path = tmp_path / "foxes.csv"
    path.write_text("prompt,category\n" + "".join(f"a fox number {n},Foxes\n" for n in range(60_000)))
    assert path.stat().st_size > 2**20
    page.goto(link)
    page.goto(live_server.url + "/suites/")
    page.get_by_label("File", exact=False).first.set_input_files(path)
    page.get_by_role("button", name="Load").click()
    page.wait_for_url(re.compile(r"/suites/\d+/"), timeout=60_000)
    assert Suite.objects.get().prompts.count() == 60_000 and not IncomingFile.objects.exists()
    expect(page.locator("main")).to_contain_text("Loaded")


def test_who_is_signed_out_is_told_so(page: Page, live_server: LiveServer, link: str, large: Path) -> None:
    a_suite({"Colors": 2})
    page.goto(link)
    page.goto(live_server.url + "/uploads/new/")
    _fill(page, large)
    page.route("**/part/*", lambda route: route.fulfill(status=401, json={"detail": "Sign in."}))
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#upload-problem")).to_contain_text("You are signed out")
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_enabled()
