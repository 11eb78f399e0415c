"""The settings of a worker that a test starts: those of the tests, on the database that the test has."""

import os
from pathlib import Path

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, TASK_SECONDS

DATABASES["default"]["NAME"] = os.environ["WORKER_TEST_DATABASE"]
TASK_SECONDS = int(os.environ.get("WORKER_TEST_TASK_SECONDS", TASK_SECONDS))
CELERY_TASK_TIME_LIMIT = TASK_SECONDS
CELERY_TASK_SOFT_TIME_LIMIT = TASK_SECONDS - 2
if "WORKER_TEST_RIVALS" in os.environ:  # the tests' settings forget what the environment says of an instance
    os.environ["DRAWBENCH_RIVALS"] = os.environ["WORKER_TEST_RIVALS"]
MEDIA_ROOT = Path(os.environ["WORKER_TEST_MEDIA"])
