"""The web application for granian, gunicorn or any other WSGI server."""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drawbench.settings")

_django = get_wsgi_application()

NEEDS_A_LENGTH = b"Send the length of the body (Content-Length). A body in chunks is not accepted here.\n"


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Django's application; a body of unknown length is refused, which Django would take for an empty one."""
    if environ.get("HTTP_TRANSFER_ENCODING") and not environ.get("CONTENT_LENGTH"):
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(NEEDS_A_LENGTH)))]
        start_response("411 Length Required", headers)
        return [NEEDS_A_LENGTH]
    return _django(environ, start_response)
