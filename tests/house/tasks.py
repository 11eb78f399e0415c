"""Tasks for the tests of the ground; tests/settings.py makes the tests' workers know them."""

import time

from celery import shared_task
from django.contrib.auth import get_user_model
from django.core.cache import cache


@shared_task
def sign(name: str, seconds: float) -> None:
    """Say that it has begun, take some time, then write a row once, however often it is handed out."""
    cache.set(f"begun-{name}", True)
    time.sleep(seconds)
    get_user_model().objects.get_or_create(username=name)
