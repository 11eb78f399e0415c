"""A page printed as PDF, by Chromium.

WeasyPrint was tried as well (docs/report.md, "As PDF"): on the same report it took a minute of processor time
where Chromium takes seconds, and knew not all of the page's styles.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Literal

from PIL import Image

from evaluation.errors import ConflictError

Paper = Literal["a4", "letter"]
PAPERS: tuple[Paper, ...] = ("a4", "letter")
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 120
"""How long a page may take: one with 500 figures takes twenty seconds on two cores."""
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the page has all it needs, and nothing in it reaches out
    "--no-pdf-header-footer",
)
STYLE_POLICY = re.compile(rb"style-src &#x27;sha256-[^;]*")
_SMALL = re.compile(rb"data:image/webp;base64,([A-Za-z0-9+/=]+)")
_LOCK = threading.Lock()  # one at a time: each takes a core and some hundred megabytes


class NoPrinterError(ConflictError):
    """There is no Chromium, or it printed nothing."""


def chromium(named: str = "") -> str:
    """The program that prints. `named`: by the operator; where empty, what is on the path.

    Raises:
        NoPrinterError: there is none.
    """
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        what = "There is no Chromium on this server"
        if named:
            what = f"DRAWBENCH_CHROMIUM names {named}, which is no program"
        raise NoPrinterError(
            f"{what}, so no PDF can be printed. Let the operator install one (Debian: apt install chromium), or take "
            "the report as HTML and print it in your browser."
        )
    return found


def print_pdf(page: bytes, *, paper: Paper = "a4", program: str = "") -> bytes:
    """`page`, one HTML file, as PDF. What the page folds away is printed too.

    Raises:
        NoPrinterError: there is no Chromium, or it did not print the page in `SECONDS`.
    """
    called = chromium(program)
    style = f"<style>@page {{ size: {paper}; margin: 14mm }}</style></head>".encode()
    text = STYLE_POLICY.sub(b"style-src &#x27;unsafe-inline&#x27;", page, count=1)  # else the next line's were refused
    text = _SMALL.sub(_as_jpeg, text)
    text = text.replace(b"</head>", style, 1).replace(b"<details", b"<details open")
    with _LOCK, tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "page.html"), Path(folder, "page.pdf")
        source.write_bytes(text)
        # Root has no sandbox; the page is our own, and its policy lets it run and load nothing.
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [
            called,
            *FLAGS,
            *root,
            f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={target}",
            source.as_uri(),
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
            return target.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise NoPrinterError(
                f"Chromium ({called}) did not print the page. Take the report as HTML and print it in your browser."
            ) from error


def _as_jpeg(found: re.Match[bytes]) -> bytes:
    """A small image of ours as JPEG, which a PDF keeps as it is: it unpacks WebP to ten times the bytes."""
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as image:
        plain = Image.new("RGB", image.size, "white")
        plain.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    buffer = io.BytesIO()
    plain.save(buffer, "JPEG", quality=88, subsampling=0)
    return b"data:image/jpeg;base64," + base64.b64encode(buffer.getvalue())
