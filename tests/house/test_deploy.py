"""The files of deploy/: consistent with each other and with the settings, and tried where the programs are here."""

import http.server
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest
import yaml

from tests.house.repository import CHECKOUT, of_ours, read

DEPLOY = CHECKOUT / "deploy"
NGINX = (DEPLOY / "nginx.conf").read_text()


def _names(text: str) -> set[str]:
    return set(re.findall(r"\bDRAWBENCH_[A-Z_]+\b", text))


def _example() -> dict[str, str]:
    lines = (DEPLOY / "example.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    code = [path for path in of_ours(".py") if path.parts[0] in {"common", "drawbench", "evaluation", "generators"}]
    read_by_code = set().union(*(_names(read(path)) for path in code))
    table = set(re.findall(r"^\| `(DRAWBENCH_[A-Z_]+)`", read(Path("docs/deployment.md")), re.MULTILINE))
    assert table == read_by_code
    assert {name for name in _example() if name.startswith("DRAWBENCH_")} <= table


def test_the_example_holds_no_secret() -> None:
    example = _example()
    assert example["DRAWBENCH_SECRET_KEY"] == "" and example["POSTGRES_PASSWORD"] == ""
    assert example["DRAWBENCH_PRODUCTION"] == "1"


def test_the_compose_file() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"postgres", "valkey", "migrate", "web", "worker", "nginx"}
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"], "only nginx is reached"
    for name, service in services.items():
        for other, condition in (service.get("depends_on") or {}).items():
            assert other in services, (name, other)
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[other], (name, other)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith("./") or source in compose["volumes"], (name, volume)
    for name in ("web", "worker"):  # what one of them stores the others must see
        assert {"media:/srv/drawbench/media", "var:/srv/drawbench/var"} <= set(services[name]["volumes"])
    assert "noeviction" in services["valkey"]["command"] and "--appendonly" in services["valkey"]["command"]
    database = _example()["DRAWBENCH_DATABASE"]
    assert "@postgres:5432/" in database and "//valkey:6379/" in _example()["DRAWBENCH_BROKER"]


def test_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed; the file's structure is checked by the test above")
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    shutil.copy(DEPLOY / "example.env", tmp_path / "deploy" / "drawbench.env")
    command = [program, "-f", str(tmp_path / "deploy" / "compose.yaml"), "config", "--quiet"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_a_stopped_worker_has_time_for_its_task() -> None:
    from drawbench import settings

    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    minutes, seconds = re.fullmatch(r"(\d+)m(\d+)s", compose["services"]["worker"]["stop_grace_period"]).groups()  # type: ignore[union-attr]
    assert int(minutes) * 60 + int(seconds) > settings.TASK_SECONDS
    unit = (DEPLOY / "systemd" / "drawbench-worker.service").read_text()
    assert int(re.search(r"TimeoutStopSec=(\d+)", unit)[1]) > settings.TASK_SECONDS  # type: ignore[index]


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in sorted((DEPLOY / "systemd").glob("*.service")):
        text = re.sub(r"/opt/drawbench/\.venv/bin/\w+", "/bin/true", unit.read_text())
        copy = tmp_path / unit.name
        copy.write_text(text.replace("User=drawbench\n", ""))
        answer = subprocess.run([program, "verify", str(copy)], capture_output=True, text=True, check=False)
        ours = [line for line in answer.stderr.splitlines() if unit.name in line]
        assert ours == [], answer.stderr


def test_nginx_sends_images_from_inside_alone() -> None:
    """What went wrong elsewhere: an alias without its slash lets `/protected../` climb out."""
    location = re.search(r"location (\S+) \{\s*internal;\s*alias (\S+);", NGINX)
    assert location is not None
    address, folder = location.groups()
    assert address.endswith("/") and folder.endswith("/")
    assert address == _example()["DRAWBENCH_X_ACCEL"] + "/"
    assert folder.rstrip("/") in (DEPLOY / "Dockerfile").read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Application(http.server.BaseHTTPRequestHandler):
    """Stands for the web process: names an image file to nginx, or echoes what nginx told it."""

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path.startswith("/i/"):
            self.send_header("Content-Type", "image/webp")
            self.send_header("X-Accel-Redirect", "/protected/images/ab/one.webp")
            self.end_headers()
            return
        body = f"{self.headers['X-Forwarded-Proto']} {self.headers['X-Forwarded-For']} {self.headers['Host']}".encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def nginx() -> Iterator[int]:
    """The committed configuration with this machine's paths and ports; yields the HTTPS port."""
    program = shutil.which("nginx") or os.environ.get("DRAWBENCH_TEST_NGINX")
    openssl = shutil.which("openssl")
    if program is None or openssl is None:
        pytest.skip("nginx is not installed; its file is read by the test above")
    with tempfile.TemporaryDirectory(prefix="drawbench-test-") as folder:
        Path(folder).chmod(0o755)  # Root's nginx works as another user.
        yield from _nginx_in(Path(folder), program, openssl)


def _nginx_in(tmp_path: Path, program: str, openssl: str) -> Iterator[int]:
    application = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Application)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    images = tmp_path / "media" / "images" / "ab"
    images.mkdir(parents=True)
    (images / "one.webp").write_bytes(b"image bytes")
    (tmp_path / "secret").write_text("not for anybody")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(
        [*command, "-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"],
        check=True,
        capture_output=True,
    )
    port = _free_port()
    text = NGINX.replace("server web:8000", f"server 127.0.0.1:{application.server_port}")
    text = text.replace("/etc/nginx/tls", str(tmp_path)).replace("/srv/drawbench/media", str(tmp_path / "media"))
    text = text.replace("listen 80;", f"listen 127.0.0.1:{_free_port()};").replace(
        "listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"
    )
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\nevents {{}}\n"
        f"http {{ access_log off;\n{temporary}{text}}}\n"
    )
    server = subprocess.Popen([program, "-p", tmp_path, "-e", tmp_path / "error.log", "-c", tmp_path / "nginx.conf"])
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline, (tmp_path / "error.log").read_text()
            time.sleep(0.05)
    yield port
    server.terminate()
    server.wait(10)
    application.shutdown()


def _get(port: int, address: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPSConnection("127.0.0.1", port, context=ssl._create_unverified_context(), timeout=10)
    connection.request("GET", address, headers=headers)
    answer = connection.getresponse()
    return answer, answer.read()


def test_nginx_in_front(nginx: int) -> None:
    answer, body = _get(nginx, "/i/anything")
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
        answer, body = _get(nginx, address)
        assert b"image bytes" not in body and b"not for anybody" not in body, address
    _, told = _get(nginx, "/page", **{"X-Forwarded-For": "10.9.8.7", "X-Forwarded-Proto": "http"})
    assert told.split()[:2] == [b"https", b"127.0.0.1"], "a client's claims about itself are replaced"
