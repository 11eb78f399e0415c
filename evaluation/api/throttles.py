"""How many requests one caller may make: Django REST framework's throttles, counting the address that we believe."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

from evaluation.client import client_counted


class StrangerThrottle(AnonRateThrottle):
    """Requests without a token or session, by address."""

    def get_ident(self, request: Request) -> str:
        return client_counted(request)


class ResearcherThrottle(UserRateThrottle):
    """Requests of one account; those without one, by address."""

    def get_ident(self, request: Request) -> str:
        return client_counted(request)
