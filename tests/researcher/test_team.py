"""Colleagues: invited by page with a one-time link that expires and can be taken back; passwords reset by command."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from evaluation.models import SignInLink
from tests.researcher.test_commands import document, refused

pytestmark = pytest.mark.django_db


def link_on(text: str) -> str:
    found = re.search(r'id="sign-in-link"[^>]*value="[^"]*?(/sign-in/[^"]+)"', text)
    assert found
    return found[1]


def test_a_colleague_is_invited_and_comes_in_once(signed_in: Client) -> None:
    answer = signed_in.post("/team/invite/", {"username": "grace"})
    assert "no-store" in answer.headers["Cache-Control"]
    link = link_on(answer.content.decode())
    listed = signed_in.get("/team/").content.decode()
    assert link not in listed and "grace" in listed and "until " in listed, "the link is shown once"
    colleague = Client()
    assert "Team" in colleague.get(link, follow=True).content.decode()
    assert Client().get(link).status_code == 404
    assert signed_in.post("/team/invite/", {"username": "grace"}).status_code == 422
    assert signed_in.post("/team/invite/", {"username": "gr ace/"}).status_code == 422
    assert User.objects.count() == 2


def test_links_expire_are_replaced_and_taken_back(signed_in: Client) -> None:
    first = link_on(signed_in.post("/team/invite/", {"username": "grace"}).content.decode())
    grace = User.objects.get(username="grace")
    second = link_on(signed_in.post(f"/team/{grace.pk}/link/").content.decode())
    assert Client().get(first).status_code == 404, "a new link ends the former"
    signed_in.post(f"/team/{grace.pk}/revoke/")
    assert Client().get(second).status_code == 404
    third = link_on(signed_in.post(f"/team/{grace.pk}/link/").content.decode())
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(third).status_code == 404


def test_an_own_link_is_a_button_of_the_account_page(signed_in: Client, ada: User) -> None:
    page = signed_in.get("/account/").content.decode()
    action = re.search(r'action="(/team/\d+/link/)"', page)
    assert action
    link = link_on(signed_in.post(action[1]).content.decode())
    other = Client()
    other.get(link)
    assert ada.username in other.get("/account/").content.decode()


def test_a_blocked_account_stays_out_and_nobody_blocks_the_own(signed_in: Client, ada: User) -> None:
    grace = User.objects.create_user("grace", password="engine-of-1906")
    Token.objects.create(user=grace)
    hers = Client()
    hers.force_login(grace)
    signed_in.post(f"/team/{grace.pk}/block/", {"blocked": "yes"})
    assert hers.get("/account/").status_code == 302 and not Token.objects.filter(user=grace).exists()
    assert "is blocked" in signed_in.post(f"/team/{grace.pk}/link/").content.decode()
    signed_in.post(f"/team/{grace.pk}/block/", {"blocked": "no"})
    assert User.objects.get(pk=grace.pk).is_active
    own = signed_in.post(f"/team/{ada.pk}/block/", {"blocked": "yes"}, follow=True).content.decode()
    assert "block your own account" in own and User.objects.get(pk=ada.pk).is_active


def test_a_password_is_reset_by_command(client: Client, ada: User) -> None:
    Token.objects.create(user=ada)
    before = Client()
    before.login(username="ada", password="engine-of-1843")
    found = document("sign_in_link", "ada", "--reset-password")
    assert before.get("/account/").status_code == 302, "the sessions are over"
    assert not client.login(username="ada", password="engine-of-1843") and not Token.objects.exists()
    client.get(found["link"][found["link"].index("/sign-in/") :])
    assert "Set a password" in client.get("/account/").content.decode()
    assert 'Unknown account "bob"' in refused("sign_in_link", "bob", "--reset-password")
    assert "one of the two" in refused("sign_in_link", "bob", "--reset-password", "--create")
