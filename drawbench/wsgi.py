"""The web application for granian, gunicorn or any other WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drawbench.settings")

_django = get_wsgi_application()

# after Django is set up, which the addresses of raters need
from evaluation.views.rater.hot import before  # noqa: E402

application = before(_django)
