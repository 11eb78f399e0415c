"""A program with a token."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from evaluation.services.accounts.api_token import api_token_rotate


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", password="engine-of-1843")


@pytest.fixture
def api(ada: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {api_token_rotate(user=ada)}")
    return client
