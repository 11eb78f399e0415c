"""The ground itself: the tests' database and broker are the real ones."""

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection


@pytest.mark.django_db
def test_the_database_is_postgresql_of_this_run() -> None:
    assert connection.vendor == "postgresql"
    assert get_user_model().objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchone() == ("",), "the embedded server must not listen on a port"


@pytest.mark.usefixtures("local_services")
def test_the_cache_is_valkey() -> None:
    cache.set("ground", 7)
    assert cache.get("ground") == 7
