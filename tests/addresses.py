"""Every address of the platform, for tests that hold for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver

NOBODYS = (
    (r"<uuid:\w+>", str(uuid4())),
    (r"<sha256:\w+>", "0" * 64),
    (r"<figure:\w+>", "svg"),
    (r"<ratings:\w+>", "csv"),
    (r"<int:\w+>|<path:object_id>", "1"),
    (r"<[^>]+>", "nothing"),
)
"""What stands where an address names a thing, if no other was given."""


def every_address(known: Mapping[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """(name, address) of each. `known`: by how an address begins ("runs/", of pages and the API alike), the thing that
    it is to name."""
    for name, pattern in _patterns(get_resolver()):
        path = re.sub(r"\(\?P<\w+>[^)]*\)", "x", pattern).replace("^", "").replace("$", "")
        for start, thing in (known or {}).items():
            if re.match(rf"(api/v1/)?{start}<", path):
                path = re.sub(r"<[^>]+>", thing, path, count=1)
        for part, nobodys in NOBODYS:
            path = re.sub(part, nobodys, path)
        yield name, f"/{path}"


def _patterns(resolver: URLResolver, names: str = "", before: str = "") -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern, names + (f"{pattern.namespace}:" if pattern.namespace else ""), path)
        elif isinstance(pattern, URLPattern):
            yield f"{names}{pattern.name or ''}", path
