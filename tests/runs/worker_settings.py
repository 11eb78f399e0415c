"""The settings of a worker that a test starts: those of the tests, on the database that the test has."""

import os
from pathlib import Path

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["WORKER_TEST_DATABASE"]
MEDIA_ROOT = Path(os.environ["WORKER_TEST_MEDIA"])
