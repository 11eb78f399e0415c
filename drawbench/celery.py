"""The Celery application. Its settings are those of `drawbench/settings.py` that begin with CELERY_."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drawbench.settings")

app = Celery("drawbench")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
