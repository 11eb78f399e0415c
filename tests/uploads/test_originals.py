"""Uploaded files are kept as they came, for metrics, and no address leads to them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image
from pytest_django.fixtures import Settings
from rest_framework.authtoken.models import Token

from evaluation.models import Sample, Suite
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.receive import upload_receive
from tests.addresses import every_address

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample(suite: Suite, make_zip: Callable[[Mapping[str, bytes]], Path]) -> Sample:
    file = io.BytesIO()
    Image.new("RGB", (40, 20), (200, 10, 10)).save(file, "JPEG", comment=b"taken at home")
    zipped = make_zip({"00000/0.jpg": file.getvalue()})
    upload = upload_receive(suite=suite, run_name="mine", generator="imagen", source=zipped)
    while not upload_check(upload=upload, seconds=30):
        pass
    run = upload_confirm(upload=upload, options={"allow_missing": True})
    return run.samples.select_related("image", "original").get()


def _addresses_of(sha256: str) -> list[str]:
    return [address for _, address in every_address({"images/": sha256}) if sha256 in address]


@pytest.mark.parametrize("behind_nginx", [False, True])
def test_no_address_leads_to_an_uploaded_file(sample: Sample, settings: Settings, behind_nginx: bool) -> None:
    settings.X_ACCEL_PREFIX = "/protected" if behind_nginx else ""
    user = User.objects.create_superuser("ada")
    client = Client(headers={"Authorization": f"Token {Token.objects.create(user=user).key}"})
    client.force_login(user)
    assert sample.original is not None
    asked = _addresses_of(sample.original.sha256)
    assert len(asked) == 3, "as it is, small, and in the API"
    for address in asked:
        answer = client.get(address)
        assert answer.status_code == 404 and "X-Accel-Redirect" not in answer.headers, address
        shown = client.get(address.replace(sample.original.sha256, sample.image.sha256))
        assert shown.status_code == 200, address
        assert shown.headers["Content-Type"] in ("image/png", "image/webp", "image/jpeg")
        assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert shown.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert ("X-Accel-Redirect" in shown.headers) == behind_nginx
        if not behind_nginx:
            assert b"taken at home" not in b"".join(shown)
