"""Signing in: by a link that works once, by password; and what guessing costs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from evaluation.errors import NotFoundError
from evaluation.models import SignInLink
from evaluation.services.accounts.sign_in_link import sign_in_link_create, sign_in_link_use

pytestmark = pytest.mark.django_db


def test_a_link_signs_in_once(client: Client, ada: User) -> None:
    link = sign_in_link_create(user=ada)
    assert client.get(link, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 503
    assert client.head(link).status_code == 405
    assert client.get(link).headers["Location"] == "/"
    assert client.get("/").status_code == 200
    assert client.get(link).headers["Location"] == "/", "who is signed in already is sent on"
    again = Client().get(link)
    assert again.status_code == 404 and "was already used" in again.content.decode()


def test_a_link_ends_with_its_time_and_with_its_account(ada: User) -> None:
    link = sign_in_link_create(user=ada)
    key = link.strip("/").split("/")[-1]
    SignInLink.objects.update(expires_at="2020-01-01T00:00Z")
    with pytest.raises(NotFoundError):
        sign_in_link_use(key=key)
    link = sign_in_link_create(user=ada)
    User.objects.update(is_active=False)
    with pytest.raises(NotFoundError):
        sign_in_link_use(key=link.strip("/").split("/")[-1])


def test_signing_in_by_password_and_out(client: Client, ada: User) -> None:
    wrong = client.post("/sign-in/", {"username": "ada", "password": "no"})
    assert wrong.status_code == 200 and "Wrong username or password" in wrong.content.decode()
    right = client.post("/sign-in/?next=/runs/", {"username": "ada", "password": "engine-of-1843", "next": "/runs/"})
    assert right.headers["Location"] == "/runs/"
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert client.get("/runs/").status_code == 302


def test_guessing_passwords_is_slow(client: Client, ada: User) -> None:
    cache.clear()
    codes = [client.post("/sign-in/", {"username": "ada", "password": str(n)}).status_code for n in range(11)]
    assert codes == [200] * 10 + [429]
    right = client.post("/sign-in/", {"username": "ada", "password": "engine-of-1843"})
    assert right.status_code == 429 and "Too many wrong passwords" in right.content.decode()
    cache.clear()
    assert client.post("/sign-in/", {"username": "ada", "password": "engine-of-1843"}).status_code == 302


def test_nobody_is_led_to_another_site(client: Client, ada: User) -> None:
    answer = client.post("/sign-in/", {"username": "ada", "password": "engine-of-1843", "next": "https://example.org/"})
    assert answer.headers["Location"] == "/"


def test_a_password_can_be_set_and_the_session_stays(signed_in: Client, ada: User) -> None:
    weak = signed_in.post("/account/password/", {"new_password1": "short", "new_password2": "short"})
    assert weak.status_code == 422 and "at least 10" in weak.content.decode()
    strong = {"new_password1": "note-g-bernoulli", "new_password2": "note-g-bernoulli"}
    assert signed_in.post("/account/password/", strong).status_code == 302
    assert signed_in.get("/").status_code == 200
