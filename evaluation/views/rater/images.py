"""The images that raters see: re-encoded alike, under a key that tells nothing, for raters of their study alone."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from drawbench.shown import IMAGE_HEADERS
from evaluation.doors import count_unknown_key
from evaluation.selectors.trials import shown_image
from evaluation.services.store.images import path_of
from evaluation.services.store.places import accelerated_address
from evaluation.views.rater.cookie import browser_hashes


@require_safe
def image(request: HttpRequest, key: str) -> HttpResponse:
    """A rendition's bytes: the same headers for every image, but for its length."""
    shown = shown_image(key, browser_hashes(request))
    if shown is None or not (shown.for_rater or request.user.is_authenticated):
        count_unknown_key(request)
        raise Http404("There is no such image.")
    path = path_of(shown.sha256, shown.image_format)
    inner = accelerated_address(path)
    if inner:
        response = HttpResponse(content_type="image/webp")
        response["X-Accel-Redirect"] = inner
    else:
        try:
            response = HttpResponse(path.read_bytes(), content_type="image/webp")
        except FileNotFoundError:
            raise Http404("The image's file is gone.") from None
    for name, value in IMAGE_HEADERS.items():
        response[name] = value
    return response
