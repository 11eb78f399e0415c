"""Addresses of the app: raters under /r/, the documentation under /docs/, researchers everywhere else."""

from django.urls import include, path

urlpatterns = [
    path("r/", include("evaluation.views.rater.urls")),
    path("docs/", include("evaluation.views.documentation.urls")),
    path("", include("evaluation.views.researcher.urls")),
]
