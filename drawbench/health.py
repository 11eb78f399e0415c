"""Whether this process can do its work: for load balancers, compose files and people with curl."""

from django.core.cache import caches
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from drawbench.cache import ValkeyCache


def health(request: HttpRequest) -> JsonResponse:
    """200 when database and broker answer, 503 when one does not; the body says which. Tells nothing else."""
    found = {"database": _database(), "broker": _broker()}
    return JsonResponse(found, status=200 if all(found.values()) else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _broker() -> bool:
    """The cache lies on the same server as the queues."""
    backend = caches["default"]
    return not isinstance(backend, ValkeyCache) or backend.answers()
