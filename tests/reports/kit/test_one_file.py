"""A page as one file, and printed."""

from __future__ import annotations

import base64
import io
import os
import stat
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from evaluation.reports import printing
from evaluation.reports.one_file import one_file
from evaluation.reports.printing import NoPrinterError, chromium, print_pdf

PAGE = """<!doctype html><html lang="en"><head><meta name="color-scheme" content="light dark"><title>A &amp; B</title>
<link rel="icon" href="/static/mark.svg"><link rel="stylesheet" href="/static/site.css"><script src="/x.js"></script>
<meta name="htmx-config" content="{}"></head><body><a class="skip" href="#main">Skip</a>
<header class="site-header"><header>inner</header><p>unclosed</header><main id="main">
<h2 id="one">One &lt;two&gt; &#233;</h2><a href="#one">here</a><a href="/studies/">there</a>
<a href="https://e.org/?a=1&amp;b">far</a>
<form method="post"><input name="csrf"><button>Go</button></form><p class="downloads quiet"><a href="/file">file</a></p>
<picture><source media="(prefers-color-scheme: dark)" srcset="/f.svg?theme=dark"><source media="(max-width: 600px)"
srcset="/f.svg?narrow"><img src="/f.svg" alt="bars &quot;x&quot;" loading="lazy"></picture>
<img src="/gone.png" alt="a <b>">
<p onclick="alert(1)" hx-get="/y">kept<br>all</p><svg viewBox="0 0 1 1"><path d="M0 0"/></svg></main></body></html>"""
FILES = {
    "/f.svg": (b"<svg viewBox='0 0 2 2'><text>50 % \xc3\xa9 #1, \"q\"</text></svg>", "image/svg+xml"),
    "/f.svg?narrow": (b"<svg/>", "image/svg+xml"),
    "/f.svg?theme=dark": (b"<svg id='dark'/>", "image/svg+xml"),
    "/static/mark.svg": (b"<svg/>", "image/svg+xml"),
}
STYLES = {"/static/site.css": "@import url(x); p > a { color: red } @font-face { src: url(y) } /* </style> */"}


class Found(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_holds_all_it_shows_and_nothing_that_needs_its_server() -> None:
    page = one_file(PAGE, fetch=FILES.get, styles=STYLES.__getitem__)
    assert page == one_file(PAGE, fetch=FILES.get, styles=STYLES.__getitem__)
    assert page.startswith("<!doctype html>") and page.endswith("</html>")
    found = Found(page)
    tags = [tag for tag, _ in found.tags]
    assert not {"script", "form", "button", "header", "input", "link"} & set(tags)
    for tag, given in found.tags:
        for name in ("src", "srcset"):
            assert (given.get(name) or "data:").startswith("data:"), (tag, given)
        assert (given.get("href") or "#").startswith(("#", "https://e.org/?a=1&b"))
        assert not [name for name in given if name.startswith(("on", "hx-"))]
    dark, narrow = [given for tag, given in found.tags if tag == "source"]
    assert dark["media"] == "(prefers-color-scheme: dark)" and "id='dark'" in unquote(dark["srcset"] or "")
    assert narrow["media"] == "(max-width: 600px)" and " " not in (narrow["srcset"] or " ")
    (image,) = [given for tag, given in found.tags if tag == "img"]
    assert image["alt"] == 'bars "x"' and "loading" not in image
    assert image["src"] == (
        "data:image/svg+xml,%3Csvg viewBox='0 0 2 2'%3E%3Ctext%3E50 %25 %C3%A9 %231, %22q%22%3C/text%3E%3C/svg%3E"
    )
    for said in ("One <two> é", "there", "kept", "a <b>", "A & B"):
        assert said in found.text
    assert "unclosed" not in found.text and "file" not in found.text and "Skip" not in found.text
    policies = [given["content"] for tag, given in found.tags if given.get("http-equiv")]
    (policy,) = [policy or "" for policy in policies]
    assert policy.startswith("default-src 'none'") and "script" not in policy
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert "color: red" in style and "url(" not in style


def test_where_nothing_prints_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(NoPrinterError, match=r"DRAWBENCH_CHROMIUM names /nowhere.*print it in your browser"):
        print_pdf(b"<p>x", program="/nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoPrinterError, match="There is no Chromium on this server"):
        chromium()
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 0\n")  # ends well, and prints nothing
    broken.chmod(broken.stat().st_mode | stat.S_IEXEC)
    assert chromium() == str(broken)
    with pytest.raises(NoPrinterError, match="did not print"):
        print_pdf(b"<p>x")
    monkeypatch.setattr(printing, "SECONDS", 0.1)
    broken.write_text("#!/bin/sh\nexec /bin/sleep 5\n")
    with pytest.raises(NoPrinterError, match="did not print"):
        print_pdf(b"<p>x")


@pytest.mark.parametrize(("paper", "size"), [("a4", (595, 842)), ("letter", (612, 792))])
def test_a_page_is_printed_with_what_it_folds_away(paper: printing.Paper, size: tuple[int, int]) -> None:
    try:
        program = chromium(os.environ.get("DRAWBENCH_CHROMIUM", ""))
    except NoPrinterError:
        pytest.skip("there is no Chromium here")
    body = "<h1>Head</h1><details><summary>s</summary>folded</details>"
    text = f"<html><head><title>x</title></head><body>{body}</body></html>"
    pdf = print_pdf(one_file(text, fetch=FILES.get, styles=STYLES.__getitem__).encode(), paper=paper, program=program)
    assert pdf.startswith(b"%PDF-")
    boxes = [part.split(b"]")[0].split() for part in pdf.split(b"/MediaBox [")[1:]]
    assert boxes and all(abs(float(box[2]) - size[0]) < 1 and abs(float(box[3]) - size[1]) < 1 for box in boxes)
    try:
        text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    except FileNotFoundError:
        return
    assert "Head" in text and "folded" in text


def test_small_images_are_printed_as_jpeg(tmp_path: Path) -> None:
    """What Chromium is given to print: it would unpack WebP, to ten times the bytes."""
    fake, kept = tmp_path / "chromium", tmp_path / "page.html"
    fake.write_text(f'#!/bin/sh\nfor last; do :; done\ncp "${{last#file://}}" {kept}\n')
    fake.chmod(0o755)
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 8), (200, 30, 30, 128)).save(buffer, "WEBP", lossless=True)
    address = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    with pytest.raises(NoPrinterError):  # it prints nothing
        print_pdf(f'<head></head><img src="{address}"><img src="{address}">'.encode(), program=str(fake))
    text = kept.read_text()
    assert "image/webp" not in text and text.count("data:image/jpeg;base64,") == 2
    data = text.partition("data:image/jpeg;base64,")[2].partition('"')[0]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        red, green, blue = (int(level) for level in np.asarray(image)[4, 4])
    assert image.size == (8, 8) and red > 200 and 120 < green < 170 and 120 < blue < 170, "on white"
