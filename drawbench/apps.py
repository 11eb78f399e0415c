"""The project as a Django application: it makes the Celery application known to every process."""

from django.apps import AppConfig


class DrawBenchConfig(AppConfig):
    """Loads the Celery application, so that `shared_task` of any module belongs to it, in the web process as in a worker."""

    name = "drawbench"

    def ready(self) -> None:
        import drawbench.celery  # noqa: F401
