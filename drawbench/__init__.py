"""The Django project: settings, addresses, the Celery application, and (in `local/`) the services a laptop needs."""
