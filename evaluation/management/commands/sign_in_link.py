"""`manage.py sign_in_link`: a one-time link that signs a researcher in."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from evaluation.command import ProductCommand
from evaluation.errors import InputError, NotFoundError
from evaluation.services.accounts.sign_in_link import researcher_create, sign_in_link_create
from evaluation.services.accounts.team import password_reset


class Command(ProductCommand):
    """Print a link that signs USERNAME in once."""

    help = "Print a sign-in link for a researcher. It works once, within 24 hours. --create creates the account first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--create", action="store_true", help="create the account if it does not exist")
        parser.add_argument(
            "--reset-password",
            action="store_true",
            help="take the password and the API token away and end all sessions; the link's page of the account sets a "
            "new password",
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        if options["reset_password"]:
            if options["create"]:
                raise InputError("--create makes an account, which has no password to reset. Give one of the two.")
            reset, link = password_reset(username=options["username"])
            return {"username": reset.username, "link": settings.PUBLIC_URL + link}
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            if not options["create"]:
                known = ", ".join(User.objects.order_by("username").values_list("username", flat=True)[:20])
                raise NotFoundError(
                    f'Unknown account "{options["username"]}". Use --create to create it. Accounts: {known or "none"}.'
                )
            user = researcher_create(username=options["username"])
        return {"username": user.username, "link": settings.PUBLIC_URL + sign_in_link_create(user=user)}

    def describe(self, result: Mapping[str, Any]) -> str:
        return f"{result['link']}\nSigns in {result['username']}. It works once, within 24 hours."
