"""How large the body of a request may be, in one place.

The application refuses by it (`bodies`), the embedded front is written from it (`local.front`), and a test holds
`deploy/nginx.conf` to it. Knows no Django.
"""

from __future__ import annotations

BODY_MAX_BYTES = 2**20
"""Of every address but those below."""

PART_MAX_BYTES = 8 * 2**20
"""Of a part of a file. No address needs more, so that every body can be kept in memory until it is whole."""

LARGE_BODY_MAX_BYTES = PART_MAX_BYTES + 2**20
"""Of the addresses that take a part of a file, or a small file with the form around it."""

LARGE_BODY_ADDRESSES = (
    "^/(uploads/new|suites|studies/(new|[-a-zA-Z0-9_]+/edit)|api/v1/(uploads|suites|files/[0-9a-f-]{36}/part))/?$"
)
"""As a regular expression that Python and nginx read alike. They take more than `BODY_MAX_BYTES` from people who are
signed in, and from nobody else."""

TOO_LARGE = (
    f"The request is too large. An address takes at most {BODY_MAX_BYTES // 2**20} MiB. Send a larger file in parts of "
    f"at most {PART_MAX_BYTES // 2**20} MiB: pages do so by themselves where scripts may run, and docs/api.md says how "
    "programs do."
)
SIGN_IN_FIRST = "Sign in first: only people who are signed in may send a large file."
NO_LENGTH = "The header Content-Length must be a whole number: the bytes of the body."
NEEDS_A_LENGTH = "Send the length of the body (Content-Length). A body in chunks is not accepted here."
TOO_MANY = "Too many requests from this address at once. Wait a moment, then try again."
AWAY = "The server is starting again. Nothing was saved halfway; try again in a few seconds."
