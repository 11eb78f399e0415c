"""The project as a Django application: it makes the Celery application known to every process."""

from django.apps import AppConfig


class DrawBenchConfig(AppConfig):
    """Loads the checks, and the Celery application, so that any `shared_task` belongs to it in each process."""

    name = "drawbench"

    def ready(self) -> None:
        import drawbench.celery
        import drawbench.checks  # noqa: F401
