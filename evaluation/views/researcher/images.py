"""Images for researchers: a run's samples as stored, and small. Their addresses name their content.

The files that people uploaded have no address, only what was encoded anew from them (`selectors.images`).
"""

from __future__ import annotations

from pathlib import Path

from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404

from evaluation.errors import InputError
from evaluation.selectors.images import images_with_an_address
from evaluation.services.store.images import image_path
from evaluation.services.store.places import accelerated_address
from evaluation.services.store.thumbnail import thumbnail_path
from evaluation.views.researcher.pages import ResearcherRequest, page


@page("GET")
def image(request: ResearcherRequest, sha256: str) -> HttpResponseBase:
    """A stored image, byte for byte."""
    found = get_object_or_404(images_with_an_address(), sha256=sha256)
    return send_image(image_path(found), f"image/{found.image_format}")


@page("GET")
def thumbnail(request: ResearcherRequest, sha256: str) -> HttpResponseBase:
    """A stored image, small."""
    return send_image(thumbnail_path(get_object_or_404(images_with_an_address(), sha256=sha256)), "image/webp")


def send_image(path: Path, content_type: str) -> HttpResponseBase:
    """The file, to be kept by the browser for good; by nginx itself where it stands in front."""
    response: HttpResponseBase
    inner = accelerated_address(path)
    if inner:
        response = HttpResponse(content_type=content_type)
        response["X-Accel-Redirect"] = inner
    else:
        try:
            response = FileResponse(path.open("rb"), content_type=content_type)
        except FileNotFoundError:
            raise InputError(f"The file of this image is gone from {path.parent}. Restore the media folder.") from None
    return sent_inline(response)


def sent_inline(response: HttpResponseBase) -> HttpResponseBase:
    """The response with what every image is sent with: kept by the browser for good, and unable to do anything."""
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Content-Disposition"] = "inline"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
