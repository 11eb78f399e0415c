"""The product's settings on an instance of this test run's own: databases, broker and files under `var/test/run-...`.

The first process of a run (pytest itself) makes the folder's name; those it starts (xdist's, workers) find it in the
environment. Nothing is started here: tests/conftest.py does that when the first test asks for it.
"""

import fcntl
import os
import secrets

from common.places import CHECKOUT

RUN_VARIABLE = "DRAWBENCH_TEST_RUN"
DATABASE_VARIABLE = "DRAWBENCH_TEST_DATABASE"
"""Names the test database to the processes that a test starts: they would otherwise take the one it was made beside."""

FIRST_PROCESS = RUN_VARIABLE not in os.environ

KEPT = {RUN_VARIABLE, DATABASE_VARIABLE, "DRAWBENCH_POSTGRES_BIN", "DRAWBENCH_VALKEY", "DRAWBENCH_CHROMIUM"}
for _name in [name for name in os.environ if name.startswith("DRAWBENCH_") and name not in KEPT]:
    del os.environ[_name]
if FIRST_PROCESS:
    os.environ[RUN_VARIABLE] = str(CHECKOUT / "var" / "test" / f"run-{os.getpid()}-{secrets.token_hex(3)}")
os.environ["DRAWBENCH_VAR"] = os.environ[RUN_VARIABLE]

# Playwright's synchronous interface runs an event loop in the test's thread, which Django takes for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

from drawbench.local.places import places_of  # noqa: E402

# Held as long as this process lives: a later run deletes the folders of runs that nobody holds any more.
places_of().var.mkdir(parents=True, exist_ok=True)
_lease = places_of().lease.open("a")
fcntl.flock(_lease, fcntl.LOCK_SH)

from drawbench.settings import *  # noqa: E402, F403
from drawbench.settings import DATABASES, STORAGES, VAR  # noqa: E402

# Transactional tests empty all tables afterwards, which the triggers of the product refuse.
DATABASES["default"]["ENGINE"] = "tests.database"
if DATABASE_VARIABLE in os.environ:
    DATABASES["default"]["NAME"] = os.environ[DATABASE_VARIABLE]

# Each of xdist's processes has queues and counters of its own.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
_number = int(_worker) if _worker.isdigit() else 0
CELERY_BROKER_URL = f"redis+socket://{places_of().valkey_socket}?virtual_host={2 * _number}"
CACHES = {
    "default": {
        "BACKEND": "drawbench.cache.ValkeyCache",
        "LOCATION": f"unix://{places_of().valkey_socket}?db={2 * _number + 1}",
    }
}
# A killed worker's tasks come back soon; so a test's task takes seconds at most.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 10,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 5,
}

CELERY_IMPORTS = ["tests.house.tasks"]

MEDIA_ROOT = VAR / f"media-{_worker}"
STORAGES = STORAGES | {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": MEDIA_ROOT}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
