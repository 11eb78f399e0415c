"""deploy/nginx.conf in front of a stand-in for the web process, with a real nginx (Debian's, where it can be had)."""

from __future__ import annotations

import http.server
import re
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest

from drawbench.local.front import front_configuration
from drawbench.shown import IMAGE_HEADERS, SHOWN_ADDRESSES
from tests import nginx
from tests.house.repository import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
NGINX = (DEPLOY / "nginx.conf").read_text()
NAME = "drawbench.example.org"

DEBIANS_DEFAULT = """
server {{ listen 127.0.0.1:{port} default_server; server_name _; location / {{ return 200 "Welcome to nginx!"; }} }}
"""
"""What Debian enables beside ours: it takes port 80 for every host that no other server names."""


def test_nginx_sends_images_from_inside_alone() -> None:
    """What went wrong elsewhere: an alias without its slash lets `/protected../` climb out."""
    location = re.search(r"location (\S+) \{\s*internal;\s*alias (\S+);", NGINX)
    assert location is not None
    address, folder = location.groups()
    assert address.endswith("/") and folder.endswith("/")
    assert f"DRAWBENCH_X_ACCEL={address.rstrip('/')}\n" in (DEPLOY / "example.env").read_text()
    assert folder.rstrip("/") in (DEPLOY / "Dockerfile").read_text()


def test_images_of_raters_go_past_the_application_with_its_headers() -> None:
    """The embedded front and this file say the same (`drawbench.shown`)."""
    start = NGINX.index(f'location ~ "{SHOWN_ADDRESSES}"')
    location = NGINX[start : NGINX.index("}\n    location @web", start)]
    said = dict(re.findall(r'add_header (\S+) "([^"]*)" always;', location))
    assert said == IMAGE_HEADERS | {"Last-Modified": ""}
    assert re.search(r"root (\S+)/shown;", location)[1] in (DEPLOY / "Dockerfile").read_text()  # type: ignore[index]
    theirs = front_configuration("web", 1, shown=Path("/srv/drawbench/media/shown"))
    mine = theirs[theirs.index(f'location ~ "{SHOWN_ADDRESSES}"') :]
    assert (
        mine[: mine.index("}\n    location @web")].split()
        == location.replace("root /srv/drawbench/media/shown;", 'root "/srv/drawbench/media/shown";').split()
    )


def test_the_host_names_are_those_of_the_example() -> None:
    names = re.findall(r"server_name (\S+);", NGINX)
    assert names == ['""', '""', NAME, NAME]
    assert f"DRAWBENCH_HOSTS={NAME}\n" in (DEPLOY / "example.env").read_text()


class Application(http.server.BaseHTTPRequestHandler):
    """Stands for the web process: names an image file to nginx, or echoes what nginx told it."""

    protocol_version = "HTTP/1.1"
    bodies: list[int] = []
    """How many bytes of a body came with each request."""

    def do_POST(self) -> None:
        """Says how the body came."""
        length = self.headers["Content-Length"]
        self.bodies.append(len(self.rfile.read(int(length or 0))))
        told = f"{length} {self.headers['Transfer-Encoding']} {self.bodies[-1]}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def do_GET(self) -> None:
        if self.path == "/api/v1/files/":
            self.send_response(200 if self.headers["Authorization"] == "Token good" else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        if self.path.startswith("/i/"):
            self.send_header("Content-Type", "image/webp")
            self.send_header("X-Accel-Redirect", "/protected/images/ab/one.webp")
            self.send_header("Content-Length", "0")
            if "hsts" in self.path:
                self.send_header("Strict-Transport-Security", "max-age=7")
            self.end_headers()
            return
        told = [self.headers[name] for name in ("X-Forwarded-Proto", "X-Forwarded-For", "Host")]
        body = " ".join([*told, self.connection.getsockname()[0]]).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


class _Names(threading.Thread):
    """Stands for Docker's resolver: every name is the address that is set now."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1"
        self.port: int = self.socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                query, client = self.socket.recvfrom(2048)
            except OSError:
                return
            question = query[12 : query.index(b"\0", 12) + 5]
            head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
            answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(self.address)
            self.socket.sendto(head + question + answer, client)


@dataclass
class Front:
    """A running nginx: its two ports, and the names that it asks for."""

    plain: int
    secure: int
    names: _Names
    log: Path
    applications: list[http.server.ThreadingHTTPServer] = field(default_factory=list)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module", params=["alone", "beside Debian's default site"])
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    """The committed configuration with this machine's paths and ports."""
    program, openssl = nginx.find(), shutil.which("openssl")
    if program is None or openssl is None:
        pytest.skip("nginx is not here and can't be fetched; its file is read by the tests above")
    with tempfile.TemporaryDirectory(prefix="drawbench-test-") as folder:
        Path(folder).chmod(0o755)  # Root's nginx works as another user.
        yield from _front_in(Path(folder), program, openssl, beside=request.param != "alone")


def _front_in(folder: Path, program: str, openssl: str, *, beside: bool) -> Iterator[Front]:
    application = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
    names = _Names()
    names.start()
    made = Front(_free_port(), _free_port(), names, folder / "error.log", [application])
    # The container made anew has the same port and another address.
    made.applications.append(http.server.ThreadingHTTPServer(("127.0.0.2", application.server_port), Application))
    for each in made.applications:
        threading.Thread(target=each.serve_forever, daemon=True).start()
    images = folder / "media" / "images" / "ab"
    images.mkdir(parents=True)
    (images / "one.webp").write_bytes(b"image bytes")
    (folder / "secret").write_text("not for anybody")
    _make_certificate(openssl, folder)
    (folder / "nginx.conf").write_text(_configuration(made, folder, beside=beside))
    server = subprocess.Popen([program, "-p", folder, "-e", made.log, "-c", folder / "nginx.conf"])
    deadline = time.monotonic() + 20
    while not _listens(made.secure):
        assert server.poll() is None and time.monotonic() < deadline, made.log.read_text()
        time.sleep(0.05)
    yield made
    server.terminate()
    server.wait(10)
    names.socket.close()
    for each in made.applications:
        each.shutdown()


def _make_certificate(openssl: str, folder: Path) -> None:
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    files = ["-keyout", f"{folder}/privkey.pem", "-out", f"{folder}/fullchain.pem"]
    subprocess.run([*command, *files], check=True, capture_output=True)


def _configuration(made: Front, folder: Path, *, beside: bool) -> str:
    ours = [
        ("default web:8000", f"default web:{made.applications[0].server_port}"),
        ("resolver 127.0.0.11 valid=5s", f"resolver 127.0.0.1:{made.names.port} valid=1s"),
        ("/etc/nginx/tls", str(folder)),
        ("/srv/drawbench/media", str(folder / "media")),
        ("listen 80;", f"listen 127.0.0.1:{made.plain};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{made.secure} ssl"),
    ]
    text = NGINX
    for committed, here in ours:
        assert committed in text, committed
        text = text.replace(committed, here)
    if beside:
        text += DEBIANS_DEFAULT.format(port=made.plain)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    return (
        f"daemon off; pid {folder}/pid; error_log {made.log} warn;\nevents {{ worker_connections 2048; }}\n"
        f"http {{ access_log off;\n{temporary}{text}}}\n"
    )


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class _Named(HTTPSConnection):
    """A connection to this machine that asks for a host by name, as a browser does."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__("127.0.0.1", port, timeout=10)
        self._name, self._tls = name, ssl._create_unverified_context()

    def connect(self) -> None:
        HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


def get_from(front: Front, address: str, name: str = NAME, **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = _Named(front.secure, name)
    connection.request("GET", address, headers={"Host": f"{name}:{front.secure}"} | headers)
    answer = connection.getresponse()
    return answer, answer.read()


def _get_plain(front: Front, host: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", front.plain, timeout=10)
    connection.request("GET", "/studies/?a=1", headers={"Host": host})
    answer = connection.getresponse()
    return answer, answer.read()


def test_images_come_from_inside_alone(front: Front) -> None:
    answer, body = get_from(front, "/i/anything")
    assert (answer.status, body) == (200, b"image bytes")
    assert answer.getheader("Content-Type") == "image/webp"
    assert answer.getheader("Content-Security-Policy") == "default-src 'none'; sandbox"
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("Last-Modified") is None and answer.getheader("ETag") is None
    for address in (
        "/protected/images/ab/one.webp",
        "/protected../secret",
        "/protected/../secret",
        "/protected/%2e%2e/secret",
    ):
        answer, body = get_from(front, address)
        assert b"image bytes" not in body and b"not for anybody" not in body, address


def test_what_a_client_claims_about_itself_is_replaced(front: Front) -> None:
    _, told = get_from(front, "/page", **{"X-Forwarded-For": "10.9.8.7", "X-Forwarded-Proto": "http"})
    assert told.split()[:2] == [b"https", b"127.0.0.1"]


def test_the_host_keeps_its_port(front: Front) -> None:
    """Without it Django takes a form for one of another site wherever the port is not 443."""
    _, told = get_from(front, "/page")
    assert told.split()[2].decode() == f"{NAME}:{front.secure}"


def test_images_say_of_https_what_the_application_says(front: Front) -> None:
    assert get_from(front, "/i/hsts")[0].getheader("Strict-Transport-Security") == "max-age=7"
    assert get_from(front, "/i/none")[0].getheader("Strict-Transport-Security") is None


def test_plain_http_leads_to_https_for_our_host_alone(front: Front) -> None:
    answer, _ = _get_plain(front, NAME)
    assert (answer.status, answer.getheader("Location")) == (301, f"https://{NAME}/studies/?a=1")
    assert answer.getheader("Server") == "nginx", "the version is nobody's business"
    for host in ("evil.example", f"{NAME}.evil.example", "127.0.0.1"):
        try:
            answer, body = _get_plain(front, host)
        except OSError:
            continue
        assert answer.getheader("Location") is None and body == b"Welcome to nginx!", host


def test_another_hosts_certificate_is_not_ours_to_show(front: Front) -> None:
    with pytest.raises(ssl.SSLError):
        get_from(front, "/page", name="evil.example")


def test_nginx_follows_a_web_container_that_was_made_anew(front: Front) -> None:
    before = front.names.address
    front.names.address = "127.0.0.2" if before == "127.0.0.1" else "127.0.0.1"
    try:
        assert within(15, lambda: get_from(front, "/page")[1].split()[3].decode() == front.names.address)
    finally:
        front.names.address = before
    assert within(15, lambda: get_from(front, "/page")[1].split()[3].decode() == before)


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.2)
    return holds()
