"""The Django app of the platform."""

from django.apps import AppConfig


class EvaluationConfig(AppConfig):
    """Suites, generation runs, studies, ratings and reports."""

    name = "evaluation"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "DrawBench"
