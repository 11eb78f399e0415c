"""Fetches the published DrawBench from its publishers' sheet, within a deadline and from nowhere else."""

import http.client
import os
import queue
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import IO

from evaluation.suites.formats import read_suite
from evaluation.suites.known_drawbench import EXPORT_URL, HOW_TO_GET, NAME
from evaluation.suites.types import SuiteError, fold

URL_VARIABLE = "DRAWBENCH_SUITE_URL"
MAX_BYTES = 2**20
"""The sheet has 15 kB."""
_HOSTS = ("google.com", "googleusercontent.com")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_CHUNK_BYTES = 64 * 1024


class SuiteFetchError(SuiteError):
    """The published suite could not be fetched; the message says why and how to get it by hand."""


def fetch_drawbench(timeout_s: float = 5.0) -> bytes:
    """The published DrawBench as CSV bytes, checked to be the whole suite.

    timeout_s: seconds for all of it together: name look-up, connection, redirects and reading.
    The environment variable DRAWBENCH_SUITE_URL names another source (a mirror): https, or http on this machine.
    Raises SuiteFetchError.
    """
    url = os.environ.get(URL_VARIABLE) or EXPORT_URL
    _check_url(url)
    data = _within(timeout_s, url)
    try:
        read_suite(data, format="csv", name=NAME)
    except SuiteError as error:
        raise SuiteFetchError(
            f"What {_host(url)} sent is not the published DrawBench. {_with_way_out(str(error))}"
        ) from error
    return data


def _within(timeout_s: float, url: str) -> bytes:
    """Reads in a thread of its own: a name look-up that hangs can't be interrupted, only left behind."""
    if timeout_s <= 0:
        raise SuiteFetchError(f"timeout_s is {timeout_s:g}; give the seconds to wait, more than 0.")
    deadline = time.monotonic() + timeout_s
    answer: queue.Queue[bytes | Exception] = queue.Queue()

    def work() -> None:
        try:
            answer.put(_read(url, deadline))
        except Exception as error:  # handed to the caller, who sorts it
            answer.put(error)

    threading.Thread(target=work, name="fetch-drawbench", daemon=True).start()
    try:
        result = answer.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        result = TimeoutError()
    if isinstance(result, bytes):
        return result
    raise SuiteFetchError(_with_way_out(_reason(result, _host(url), timeout_s))) from result


def _read(url: str, deadline: float) -> bytes:
    opener = urllib.request.build_opener(_CarefulRedirects(_host(url)))
    request = urllib.request.Request(url, headers={"User-Agent": "drawbench", "Accept": "text/csv"})
    with opener.open(request, timeout=max(0.1, deadline - time.monotonic())) as response:
        chunks: list[bytes] = []
        size = 0
        while chunk := response.read1(_CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BYTES:
                raise SuiteFetchError(
                    f"{_host(url)} sent more than {MAX_BYTES // 2**20} MiB, which no copy of DrawBench has."
                )
            if time.monotonic() > deadline:
                raise TimeoutError
        if response.length:  # what Content-Length promised and did not come
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(chunks)


class _CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to Google's hosts over https, or to the host that was asked; nowhere else."""

    def __init__(self, asked_host: str) -> None:
        self.asked_host = asked_host

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        host = _host(newurl)
        own = host == self.asked_host and (self.asked_host in _LOCAL_HOSTS or newurl.startswith("https://"))
        google = newurl.startswith("https://") and host.endswith(tuple(f".{name}" for name in _HOSTS))
        if not (own or google):
            raise SuiteFetchError(
                f"{self.asked_host} sends the request on to {host!r}, where DrawBench is not published."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_url(url: str) -> None:
    try:
        scheme, host = urllib.parse.urlsplit(url).scheme, _host(url)
    except ValueError:
        scheme, host = "", ""
    if not host or not (scheme == "https" or (scheme == "http" and host in _LOCAL_HOSTS)):
        raise SuiteFetchError(
            f"{URL_VARIABLE} is {url!r}; it is an address that begins with https:// (http:// only on this machine"
            " itself). Correct or unset it, or load a file."
        )


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).hostname or ""


def _reason(error: Exception, host: str, timeout_s: float) -> str:
    """One sentence for what went wrong on the way."""
    if isinstance(error, SuiteFetchError):
        return str(error)
    if isinstance(error, urllib.error.HTTPError):
        return f"{host} answered {error.code} {fold(str(error.reason))}."
    cause = error.reason if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception) else error
    if isinstance(cause, TimeoutError):
        return f"{host} did not send the published DrawBench within {timeout_s:g} s."
    if isinstance(cause, http.client.HTTPException):
        return f"{host} closed the connection or sent invalid HTTP ({type(cause).__name__})."
    return f"{host} can't be reached ({cause})."


def _with_way_out(sentence: str) -> str:
    return sentence if HOW_TO_GET in sentence else f"{sentence} {HOW_TO_GET}"
