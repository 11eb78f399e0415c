"""Addresses of the documentation."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from evaluation.views.documentation import pages

app_name = "documentation"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.page, name="index"),
    path("images/<str:name>", pages.image, name="image"),
    path("<path:name>/", pages.page, name="page"),
]
