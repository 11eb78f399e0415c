"""The files of deploy/: consistent with each other and with the settings, and tried where the programs are here."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml

from drawbench.local import foreground
from tests.house.repository import CHECKOUT, of_ours, read

DEPLOY = CHECKOUT / "deploy"


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
    assert example["DRAWBENCH_SECRET_KEY"] == "" and "POSTGRES_PASSWORD" not in example
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
    assert "./nginx-main.conf:/etc/nginx/nginx.conf:ro" in services["nginx"]["volumes"]
    assert "noeviction" in services["valkey"]["command"] and "--appendonly" in services["valkey"]["command"]
    database = _example()["DRAWBENCH_DATABASE"]
    assert "@postgres:5432/" in database and "//valkey:6379/" in _example()["DRAWBENCH_BROKER"]


def test_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed; the file's structure is checked by the test above")
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    shutil.copy(DEPLOY / "example.env", tmp_path / "deploy" / "drawbench.env")
    (tmp_path / "deploy" / "postgres.env").write_text("POSTGRES_PASSWORD=x\n")
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


def test_the_web_server_is_the_same_everywhere() -> None:
    """Its processes that die are replaced, and it takes thousands of connections: the flags stand in one place."""
    flags = " ".join(foreground.WEB_FLAGS)
    for flag in ("--backlog 4096", "--backpressure 4096", "--respawn-failed-workers"):
        assert flag in flags
    assert flags in (DEPLOY / "systemd" / "drawbench-web.service").read_text()
    command = re.search(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert command is not None and flags in " ".join(json.loads(command[1]))
    for unit in (DEPLOY / "systemd").glob("*.service"):
        text = unit.read_text()
        assert "\nRestart=always\n" in text, unit.name
        assert "\nStartLimitIntervalSec=0\n" in text.split("[Service]")[0], f"{unit.name} would give up"
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert {name for name, service in services.items() if service["restart"] != "unless-stopped"} == {"migrate"}


def test_the_databases_container_knows_its_password_alone() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert [name for name, service in services.items() if service.get("env_file") == "postgres.env"] == ["postgres"]
    assert not any("SECRET" in name for name in services["postgres"]["environment"])
    for ignored in (".gitignore", ".dockerignore"):
        assert {"deploy/drawbench.env", "deploy/postgres.env"} <= set(read(Path(ignored)).splitlines())


def test_the_healthcheck_takes_hosts_with_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    program = services["web"]["healthcheck"]["test"][-1]
    monkeypatch.setenv("DRAWBENCH_HOSTS", " one.example , two.example")
    asked: list[str | None] = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda request, timeout: asked.append(request.get_header("Host")))
    exec(compile(program, "healthcheck", "exec"), {})
    assert asked == ["one.example"]


def test_a_command_gets_the_services_settings(tmp_path: Path) -> None:
    """As systemd reads the file: no quotes, no expansion, comments left out."""
    (tmp_path / "app" / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / "app" / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$@"; env\n')
    python.chmod(0o755)
    (tmp_path / "drawbench.env").write_text(
        "# a comment\n\nDRAWBENCH_DATABASE=postgresql://u:p$HOME`id`&w@h/d?a=1&b=2\n"
        "DRAWBENCH_HOSTS=\"a.example, b.example\"\nDRAWBENCH_URL='https://a.example'\nDRAWBENCH_LOG_LEVEL=DEBUG"
    )
    text = (DEPLOY / "systemd" / "drawbench-manage").read_text()
    for committed, here in (
        ("/etc/drawbench.env", str(tmp_path / "drawbench.env")),
        ("/opt/drawbench", str(tmp_path / "app")),
        ("runuser -u drawbench -- ", ""),
    ):
        assert committed in text
        text = text.replace(committed, here)
    script = tmp_path / "drawbench-manage"
    script.write_text(text)
    command = ["sh", str(script), "load_suite", "a file.csv"]
    answer = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True)
    lines = answer.stdout.splitlines()
    assert lines[0] == f"{tmp_path}/app/manage.py load_suite a file.csv"
    assert {
        "DRAWBENCH_DATABASE=postgresql://u:p$HOME`id`&w@h/d?a=1&b=2",
        "DRAWBENCH_HOSTS=a.example, b.example",
        "DRAWBENCH_URL=https://a.example",
        "DRAWBENCH_LOG_LEVEL=DEBUG",
        "DRAWBENCH_VAR=/var/lib/drawbench",
    } <= set(lines)
    units = "".join(unit.read_text() for unit in (DEPLOY / "systemd").glob("*.service"))
    assert units.count("Environment=DRAWBENCH_VAR=/var/lib/drawbench\n") == 2, "the same folder as the units'"


def test_a_command_without_the_right_to_the_settings_says_so() -> None:
    if Path("/etc/drawbench.env").exists():
        pytest.skip("this machine runs a DrawBench")
    refused = subprocess.run(
        ["sh", DEPLOY / "systemd" / "drawbench-manage", "check"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr == "/etc/drawbench.env can't be read. Run this with sudo: sudo drawbench-manage check\n"


# --- What production asks for ----------------------------------------------------------------------------------------


def _settings(**environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DRAWBENCH_", "DJANGO_"))}
    program = "import json, drawbench.settings as s; print(json.dumps([s.ALLOWED_HOSTS, s.PUBLIC_URL]))"
    wanted = {
        "DRAWBENCH_PRODUCTION": "1",
        "DRAWBENCH_SECRET_KEY": secrets.token_hex(32),
        "DRAWBENCH_HOSTS": "drawbench.example",
        "DRAWBENCH_DATABASE": "postgresql://drawbench:x@db/drawbench",
        "DRAWBENCH_BROKER": "redis://valkey:6379/0",
        "DRAWBENCH_CACHE": "redis://valkey:6379/1",
    }
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=kept | wanted | environment, capture_output=True, text=True, check=False)


def test_hosts_may_have_blanks_after_the_comma() -> None:
    told = _settings(DRAWBENCH_HOSTS="a.example, b.example ,c.example")
    assert json.loads(told.stdout) == [["a.example", "b.example", "c.example"], "https://a.example"]


@pytest.mark.parametrize("weak", ["changeme", "a" * 64, "django-insecure-k7Qw-2tVb_9xLmZr5yPdHc8sNfJ3gUa", "abc" * 20])
def test_a_weak_secret_is_refused_at_the_start(weak: str) -> None:
    refused = _settings(DRAWBENCH_SECRET_KEY=weak)
    assert refused.returncode != 0
    assert "DRAWBENCH_SECRET_KEY is too weak" in refused.stderr and "secrets.token_hex(32)" in refused.stderr
    assert weak not in refused.stderr, "what is refused may be in use elsewhere"
