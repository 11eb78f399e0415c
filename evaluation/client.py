"""Who sent a request: the one place that reads clients' addresses, and says which of their headers is believed.

`settings.PROXIES` is how many proxies of our own stand in front, each of which adds the address it was called from to
`X-Forwarded-For`. The address that counts is the one that the outermost of them wrote. What stands left of it is a
client's own claim, and without a proxy so is the whole header.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"
"""Callers without an address, such as programs that call over a Unix socket: they count as one."""

IPV6_BLOCK = 64
"""Bits of an IPv6 address that belong to one household or server, whose owner chooses the rest at will."""


def client_address(request: HttpRequest) -> str:
    """The client's IP address in its usual form, or `UNKNOWN`."""
    if settings.PROXIES:
        told = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        # fewer than there are proxies: it came in behind the outermost one, and the first part is still a proxy's
        forwarded = _address(told[-min(settings.PROXIES, len(told))])
        if forwarded:
            return forwarded
    return _address(request.META.get("REMOTE_ADDR", "")) or UNKNOWN


def client_counted(request: HttpRequest) -> str:
    """What limits count a client by: its IPv4 address, or the block (/64) of its IPv6 address."""
    address = client_address(request)
    return str(ip_network(f"{address}/{IPV6_BLOCK}", strict=False)) if ":" in address else address


def from_another_site(request: HttpRequest) -> bool:
    """Whether a browser sends it for a page that is not ours. Programs say nothing of their origin, and pass."""
    origin = request.headers.get("Origin")
    if origin is not None:
        ours = {f"{request.scheme}://{request.get_host()}", settings.PUBLIC_URL, *settings.CSRF_TRUSTED_ORIGINS}
        return origin not in ours
    return request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}


def _address(text: str) -> str:
    """An IP address, with a port or without, in its usual form; empty for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)
