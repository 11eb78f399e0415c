"""Addresses of the app: raters under /r/, researchers everywhere else."""

from django.urls import include, path

urlpatterns = [
    path("r/", include("evaluation.views.rater.urls")),
    path("", include("evaluation.views.researcher.urls")),
]
