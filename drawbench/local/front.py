"""The front of the embedded web server: an nginx that takes in each request whole before a thread has to do with it.

However slowly bodies and headers come, and however slowly answers are fetched, that is nginx's affair: it needs some
kilobytes for each connection, where the web server has sixteen threads. The numbers are those of `drawbench.limits`;
`deploy/nginx.conf` says the same for a server.
"""

from __future__ import annotations

import grp
import json
import os
import resource
import shutil
from pathlib import Path

from drawbench import limits
from drawbench.local.address import HOST
from drawbench.local.binaries import nginx_options
from drawbench.local.errors import LocalError
from drawbench.local.places import Places
from drawbench.local.processes import postgres_account
from drawbench.places import media_folder
from drawbench.shown import IMAGE_HEADERS, SHOWN_ADDRESSES, SHOWN_FOLDER

PROXIES = "DRAWBENCH_PROXIES"

MOST_CONNECTIONS = 8192
BACKLOG = 4096
"""Connections that wait to be taken."""

SLOWEST = "15s"
"""How long a sender may be silent."""

KINDS = ("fastcgi", "uwsgi", "scgi")
"""Modules that are not used here, and have folders all the same, unless they were left out when nginx was built."""

ERRORS = {401: limits.SIGN_IN_FIRST, 413: limits.TOO_LARGE, 503: limits.AWAY}

FORWARDED = {
    "Host": "$http_host",
    "Connection": '""',
    "X-Forwarded-For": "$remote_addr",  # replaced: what a client claims about itself is not believed
    "X-Forwarded-Proto": "$scheme",
}
BEHIND_ANOTHER = {"X-Forwarded-For": "$proxy_add_x_forwarded_for", "X-Forwarded-Proto": "$http_x_forwarded_proto"}
"""What is passed on where a proxy that the operator declared stands in front of this one."""


def declared_proxies() -> int:
    """How many proxies the operator says stand in front, ours not counted."""
    told = os.environ.get(PROXIES, "").strip()
    if not told:
        return int(os.environ.get("DRAWBENCH_PRODUCTION", "").strip().lower() in {"1", "yes", "true"})
    if not (told.isascii() and told.isdigit()):
        raise LocalError(f"{PROXIES} must be a whole number, 0 or more; it is {told!r}.")
    return int(told)


def front_command(program: Path, places: Places, port: int) -> list[str]:
    """The command line of the front on `port`. It is started in the folder of the sockets: nothing in its configuration
    needs a path that nginx would read in a way of its own."""
    return [str(program), "-e", "stderr", "-p", f"{places.front(port)}/", "-c", "nginx.conf"]


def front_prepare(program: Path, places: Places, port: int, *, proxies: int) -> None:
    """Write what the front on `port` needs. `proxies`: how many others stand before it."""
    folder = places.front(port)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    options = nginx_options(program)
    kinds = [kind for kind in KINDS if f"--without-http_{kind}_module" not in options]
    shown = media_folder(places.var).absolute() / SHOWN_FOLDER
    text = front_configuration(places.web_socket(port).name, port, shown=shown, proxies=proxies, kinds=kinds)
    (folder / "nginx.conf").write_text(text)


def web_socket_mode() -> str:
    """Who may connect to the web server past the front: nobody but us. For root, whose front works as another user, the
    folder around the socket keeps everybody else out."""
    return "0o600" if os.geteuid() else "0o666"


def front_configuration(
    socket: str, port: int, *, shown: Path, proxies: int = 0, kinds: list[str] | None = None
) -> str:
    """nginx's configuration.

    Args:
        socket: the web server's, in the folder that nginx is started in.
        shown: the folder of images by the names that raters know them by.
        proxies: how many of the operator's own stand in front.
        kinds: modules without use here, whose temporary folders must be named.
    """
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = 4 * MOST_CONNECTIONS if most == resource.RLIM_INFINITY else min(most, 4 * MOST_CONNECTIONS)
    account = postgres_account() if os.geteuid() == 0 else None
    forwarded = FORWARDED | (BEHIND_ANOTHER if proxies else {})
    headers = "".join(f"proxy_set_header {name} {value};\n" for name, value in forwarded.items())
    temporary = "".join(f"{kind}_temp_path {kind};\n" for kind in kinds or [])
    return f"""\
daemon off;
pid nginx.pid;
error_log stderr error;
worker_processes 1;
worker_rlimit_nofile {files};
{f"user {account.name} {_group(account.gid)};" if account else ""}
events {{
    worker_connections {min(MOST_CONNECTIONS, files // 2)};
}}
http {{
access_log off;
server_tokens off;
client_body_temp_path body;
proxy_temp_path proxy;
{temporary}
# Whoever sends or reads slowly is waited for here, and given up after so long without a byte.
client_header_timeout {SLOWEST};
client_body_timeout {SLOWEST};
send_timeout 60s;
keepalive_timeout 75s;
keepalive_requests 10000;
reset_timedout_connection on;

# A dollar sign in a path: nginx has no other way to write one.
geo $drawbench_dollar {{
    default "$";
}}

# Refused on the header. What is let through stays in memory until it is whole. A body in chunks is written to disk when
# it fills the buffer, so that is larger than any body.
client_max_body_size {limits.BODY_MAX_BYTES};
client_body_buffer_size {limits.BODY_MAX_BYTES + 2**20};

proxy_http_version 1.1;
{headers}proxy_connect_timeout 5s;
proxy_read_timeout 300s;

# No body, or one that anybody may send.
map "$http_transfer_encoding:$content_length" $drawbench_small {{
    default 0;
    "~^:[0-9]{{0,6}}$" 1;
}}
map $uri $drawbench_errors {{
    default /-/page;
    ~^/api/ /-/json;
}}
upstream drawbench_web {{
    server "unix:{socket}" max_fails=0;
    keepalive 32;
}}
server {{
    listen {HOST}:{port} backlog={BACKLOG};
    error_page 401 $drawbench_errors/401;
    error_page 413 $drawbench_errors/413;
    error_page 500 502 504 =503 $drawbench_errors/503;

    location / {{
        proxy_pass http://drawbench_web;
    }}

    # Images as raters know them, by names that nobody can guess. Without times and tags of files: they would tell which
    # generator's images were made when. What has no file here is the web server's to answer.
    location ~ "{SHOWN_ADDRESSES}" {{
        root {_quoted(shown)};
        try_files /$1/$1$2.webp @web;
        sendfile on;
        tcp_nopush on;
        open_file_cache max=20000 inactive=60s;
        etag off;
        if_modified_since off;
        types {{}}
        default_type image/webp;
        add_header Last-Modified "" always;
{_image_headers()}    }}
    location @web {{
        proxy_pass http://drawbench_web;
    }}

    # A part of a file, or a small file with its form. Who sends is asked before the body is read.
    location ~ "{limits.LARGE_BODY_ADDRESSES}" {{
        auth_request /-/sender;
        client_max_body_size {limits.LARGE_BODY_MAX_BYTES};
        client_body_buffer_size {limits.LARGE_BODY_MAX_BYTES + 2**20};
        proxy_pass http://drawbench_web;
    }}
    location = /-/sender {{
        internal;
        if ($drawbench_small) {{
            return 204;
        }}
        client_max_body_size 0;
        proxy_pass_request_body off;
        {headers}proxy_set_header Content-Length "";
        proxy_pass http://drawbench_web/api/v1/files/;
    }}
{_errors()}}}
}}
"""


def _quoted(path: Path) -> str:
    """A path as nginx reads it."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("$", "${drawbench_dollar}")
    return f'"{text}"'


def _image_headers() -> str:
    return "".join(f'        add_header {name} "{value}" always;\n' for name, value in IMAGE_HEADERS.items())


def _errors() -> str:
    """Answers of the front's own, in the form of the address that was asked for."""
    answers = []
    for status, words in ERRORS.items():
        page = f"<!doctype html><html lang=en><meta charset=utf-8><title>DrawBench</title><p>{words}</p>"
        for kind, media_type, body in (
            ("page", "text/html", page),
            ("json", "application/json", json.dumps({"detail": words, "field": None})),
        ):
            answers.append(
                f"    location = /-/{kind}/{status} {{\n        internal;\n        client_max_body_size 0;\n"
                f"        default_type {media_type};\n"
                "        add_header X-Content-Type-Options nosniff always;\n"
                + ("        add_header Retry-After 5 always;\n" if status == 503 else "")
                + f"        return {status} '{body}\\n';\n    }}\n"
            )
    return "".join(answers)


def _group(gid: int) -> str:
    return grp.getgrgid(gid).gr_name
