"""The rater's cookie: the keys of this browser's raters, the one in use first.

One browser may take part in several studies, each as a rater of its own; a page says which rater it is for, and the
cookie proves that the browser is allowed to be that rater.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from evaluation.selectors.trials import session_key_hash

NAME = "rater"
PATH = "/r/"
MOST_KEYS = 8
MAX_AGE = 180 * 24 * 3600  # seconds; a study may take some months


def browser_keys(request: HttpRequest) -> list[str]:
    """The keys that the browser holds, the one in use first."""
    return [key for key in request.COOKIES.get(NAME, "").split(".") if key][:MOST_KEYS]


def browser_hashes(request: HttpRequest) -> list[str]:
    """Their hashes, as raters' rows have them."""
    return [session_key_hash(key) for key in browser_keys(request)]


def keep_keys(response: HttpResponse, keys: list[str]) -> None:
    """Let the browser hold `keys`, or none."""
    if not keys:
        response.delete_cookie(NAME, path=PATH, samesite="Lax")
        return
    response.set_cookie(
        NAME,
        ".".join(keys[:MOST_KEYS]),
        max_age=MAX_AGE,
        path=PATH,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",  # not Strict: raters come by links of other sites
    )
