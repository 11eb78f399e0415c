"""The addresses that each trial asks for, answered before Django: the next trials, answers, images.

Only what goes well is answered here. Whatever is not as the rater's page sends it, or goes wrong, is left to Django as
it came, whose views answer the same by the same functions, and which has all the checks, errors and limits. So these
hold nothing of their own, and a request may safely be run again: an answer is saved once.

What Django's middleware does for these addresses is done here: the host, the size of the body, characters that may
stand in no text, protection against forged requests (by `Sec-Fetch-Site` or `Origin`; where a browser sends neither,
Django's token decides), the headers of every answer.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from drawbench import limits
from drawbench.headers import PERMISSIONS
from drawbench.shown import IMAGE_HEADERS, SHOWN_ADDRESSES
from evaluation.selectors.trials import session_key_hash
from evaluation.services.store.shown import shown_path
from evaluation.views.rater import cookie
from evaluation.views.rater.answers import next_document, rate_document, read_body

Environ = dict[str, Any]
Answer = tuple[list[tuple[str, str]], bytes]
"""Headers and body of a 200."""
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

NEXT, RATE = "/r/next", "/r/rate"
_QUERY = re.compile(r"rater=([0-9a-f-]{36})(?:&after=(-?[0-9]{1,9}))?")
_IMAGE = re.compile(SHOWN_ADDRESSES)
_COOKIE = re.compile(rf"(?:^|;\s*){cookie.NAME}=([A-Za-z0-9_.-]*)")
_PLAIN = re.compile(r"[\x20-\x7e]*")


def before(application: Application) -> Application:
    """`application`, with these addresses answered before it."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        found = None
        if path.startswith("/r/") and _is_plain(environ):
            try:
                found = _answer(path, environ)
            except Exception:  # whatever it is, Django meets it again, tells the rater and logs it
                found = None
        if found is None:
            return application(environ, start_response)
        headers, body = found
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    return answer


def _answer(path: str, environ: Environ) -> Answer | None:
    method = environ["REQUEST_METHOD"]
    if method == "POST" and path == RATE and _is_ours(environ):
        return _rated(environ)
    if method == "GET" and path == NEXT:
        asked = _QUERY.fullmatch(environ.get("QUERY_STRING", ""))
        hashes = _hashes(environ)
        return _document(next_document(UUID(asked[1]), hashes, int(asked[2] or -1)), environ) if asked else None
    if method == "GET" and (named := _IMAGE.match(path)):
        return _image(shown_path(named[1] + named[2]).read_bytes(), environ)
    return None


def _rated(environ: Environ) -> Answer | None:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length <= limits.BODY_MAX_BYTES or environ.get("CONTENT_TYPE") != "application/json":
        return None
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)  # as it came, for Django
    return _document(rate_document(read_body(body), _hashes(environ)), environ)


def _document(told: dict[str, object] | None, environ: Environ) -> Answer | None:
    if told is None:
        return None
    headers = [*_headers(_is_secure(environ)), *_policies(), ("Content-Type", "application/json")]
    return [*headers, ("Cache-Control", "no-store")], json.dumps(told).encode()


def _image(data: bytes, environ: Environ) -> Answer:
    said = dict(_headers(_is_secure(environ))) | IMAGE_HEADERS | {"Content-Type": "image/webp"}
    return list(said.items()), data


def _is_plain(environ: Environ) -> bool:
    """Whether the request is to a host of ours, by the way that is declared, and has only plain characters."""
    return (
        _is_host(environ.get("HTTP_HOST", ""))
        and (_is_secure(environ) or not settings.SECURE_SSL_REDIRECT)
        and _PLAIN.fullmatch(environ.get("HTTP_COOKIE", "")) is not None
    )


@lru_cache(maxsize=64)
def _is_host(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _is_secure(environ: Environ) -> bool:
    declared: tuple[str, str] | None = settings.SECURE_PROXY_SSL_HEADER
    if declared is not None and declared[0] in environ:
        return str(environ[declared[0]]).split(",")[0].strip() == declared[1]
    return environ.get("wsgi.url_scheme") == "https"


def _is_ours(environ: Environ) -> bool:
    """Whether a page of ours sent the request, as far as the browser says."""
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return bool(site == "same-origin")
    origin = environ.get("HTTP_ORIGIN")
    scheme = "https" if _is_secure(environ) else "http"
    return origin is not None and origin == f"{scheme}://{environ['HTTP_HOST']}"


def _hashes(environ: Environ) -> list[str]:
    found = _COOKIE.findall(environ.get("HTTP_COOKIE", ""))
    keys = [key for key in found[-1].split(".") if key][: cookie.MOST_KEYS] if found else []
    return [session_key_hash(key) for key in keys]


@cache
def _headers(secure: bool) -> tuple[tuple[str, str], ...]:
    """What Django's SecurityMiddleware and ours say with every answer."""
    said = [
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", str(settings.SECURE_REFERRER_POLICY)),
        ("Cross-Origin-Opener-Policy", str(settings.SECURE_CROSS_ORIGIN_OPENER_POLICY)),
        ("X-Frame-Options", settings.X_FRAME_OPTIONS),
        ("Permissions-Policy", PERMISSIONS),
    ]
    if secure and settings.SECURE_HSTS_SECONDS:
        value = f"max-age={settings.SECURE_HSTS_SECONDS}"
        value += "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
        said.append(("Strict-Transport-Security", value + ("; preload" if settings.SECURE_HSTS_PRELOAD else "")))
    return tuple(said)


@cache
def _policies() -> tuple[tuple[str, str], ...]:
    return (("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY),)
