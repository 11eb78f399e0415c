"""Images as raters know them: their addresses, and the headers of every one of them, whoever sends it.

The application says them (`evaluation.views.rater`), the embedded front is written from them (`local.front`), and a
test holds `deploy/nginx.conf` to them. Knows no Django.
"""

from __future__ import annotations

SHOWN_FOLDER = "shown"
"""In the media folder: images by the names that raters know them by (`evaluation.services.store.shown`)."""

SHOWN_ADDRESSES = "^/r/i/([A-Za-z0-9_-]{2})([A-Za-z0-9_-]{1,30})\\.webp$"
"""As a regular expression that Python and nginx read alike. The key's first two characters name its folder."""

IMAGE_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
"""The same for all images of a study, so that headers tell no generator from another."""
