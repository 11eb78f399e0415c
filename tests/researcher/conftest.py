"""A signed-in researcher, and an open study with simulated ratings."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evaluation.models import Study
from evaluation.services.rating.simulate import raters_simulate
from tests.studies.world import an_open_study


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", password="engine-of-1843")


@pytest.fixture
def signed_in(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


@pytest.fixture
def study(db: None) -> Study:
    return an_open_study(raters_per_panel=4)


@pytest.fixture
def rated(study: Study) -> Study:
    raters_simulate(study=study, share=0.5, seed=0)
    return study
