"""Settings, all in one place. What an operator may choose is an environment variable (docs/deployment.md lists them).

Two ways to run: *local* (the default: embedded PostgreSQL and Valkey under `DRAWBENCH_VAR`, a secret made there) and
*production* (`DRAWBENCH_PRODUCTION=1`: secret, host names, database and broker are asked for, cookies want HTTPS).
"""

from pathlib import Path

from kombu import Exchange, Queue

import drawbench.environment as env
from common import places as checkout
from common.queues import QUEUES
from drawbench import limits
from drawbench.instance import local_instance
from drawbench.places import instance_folder, media_folder

# The instance's folder: what lies in it is named in `evaluation.services.store.places` and, of servers, `local.places`.
VAR = instance_folder()
PRODUCTION = env.flag("DRAWBENCH_PRODUCTION")
DEBUG = env.flag("DRAWBENCH_DEBUG") and not PRODUCTION

if PRODUCTION:
    SECRET_KEY = env.strong_secret("DRAWBENCH_SECRET_KEY")
    ALLOWED_HOSTS = env.required_list("DRAWBENCH_HOSTS", "Give the host names of this server, separated by commas.")
    env.required("DRAWBENCH_DATABASE", "Give the database: postgresql://user:password@host:5432/name")
    env.required("DRAWBENCH_BROKER", "Give a Valkey or Redis server and a database on it: redis://host:6379/0")
    env.required("DRAWBENCH_CACHE", "Give the same server and another database on it: redis://host:6379/1")
    USUAL_URL = f"https://{ALLOWED_HOSTS[0].lstrip('.')}"
    _embedded = None
else:
    _local = local_instance()
    _embedded = _local.servers
    SECRET_KEY = env.secret_key(VAR)
    ALLOWED_HOSTS = env.listed("DRAWBENCH_HOSTS", "localhost,127.0.0.1,[::1]")
    USUAL_URL = _local.url
    # Browsers keep cookies by host, whatever the port: two instances on one machine would sign each other out.
    SESSION_COOKIE_NAME = f"sessionid-{env.instance_name(SECRET_KEY)}"
    CSRF_COOKIE_NAME = f"csrftoken-{env.instance_name(SECRET_KEY)}"

# How many proxies of our own stand in front. What they say of the client's address is believed, what it says itself
# is not (`evaluation.client`).
PROXIES = env.whole_number("DRAWBENCH_PROXIES", 0, least=0)

# Where the platform is reached from outside: made into the links that are printed and sent.
PUBLIC_URL = env.text("DRAWBENCH_URL", USUAL_URL).rstrip("/")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PRODUCTION else []

INSTALLED_APPS = [
    "evaluation.apps.EvaluationConfig",
    "drawbench.apps.DrawBenchConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "drawbench.headers.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "drawbench.slashes.Slashes",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "drawbench.bodies.body_limits",  # before whatever reads a body
    "django.middleware.csrf.CsrfViewMiddleware",
    "evaluation.views.gate.TextGate",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "evaluation.views.errors.Refusals",
]

ROOT_URLCONF = "drawbench.urls"
WSGI_APPLICATION = "drawbench.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [checkout.TEMPLATES],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Data ------------------------------------------------------------------------------------------------------------

_servers = env.servers("DRAWBENCH_DATABASE", "DRAWBENCH_BROKER", "DRAWBENCH_CACHE", otherwise=_embedded)
DATABASES = {"default": _servers.database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Image files under their content hash. Behind nginx they are sent by it (X-Accel-Redirect), see docs/deployment.md.
MEDIA_ROOT = media_folder(VAR)
X_ACCEL_PREFIX = env.text("DRAWBENCH_X_ACCEL")

# What prints reports as PDF; where empty, a Chromium on the path.
CHROMIUM = env.text("DRAWBENCH_CHROMIUM")

STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("DRAWBENCH_STATIC", str(VAR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": MEDIA_ROOT}},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "drawbench.static_files.HashedStaticFiles"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# --- Uploads ---------------------------------------------------------------------------------------------------------

# Bodies are small (`drawbench.bodies` sees to it) and stay in memory: nothing of them is written to a temporary disk.
DATA_UPLOAD_MAX_MEMORY_SIZE = limits.BODY_MAX_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = limits.LARGE_BODY_MAX_BYTES
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
PART_MAX_BYTES = limits.PART_MAX_BYTES
# The largest file; larger ones than a part come in parts.
UPLOAD_MAX_BYTES = env.whole_number("DRAWBENCH_UPLOAD_MAX_MB", 4096) * 1024 * 1024

# --- Workers ---------------------------------------------------------------------------------------------------------

# The longest a task may take. A task whose worker was killed is handed out again after three times as long, and one
# that took longer than that would be handed out while it still runs, again and again: so it is ended at the limit.
TASK_SECONDS = env.whole_number("DRAWBENCH_TASK_SECONDS", 300)

CELERY_BROKER_URL = _servers.broker
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3 * TASK_SECONDS,
    # Without these two a killed worker's tasks stay stuck: the sweep for them would come by too rarely.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A worker killed while it swept holds the sweep's lock so long; kombu's 5 minutes would stop all others.
    "unacked_mutex_expire": 30,
}
# A worker without -Q takes from all of them, in turn. Each has an exchange of its own: of one, each would get all.
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in QUEUES]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = TASK_SECONDS
CELERY_TASK_SOFT_TIME_LIMIT = max(1, TASK_SECONDS - 15)
CELERY_TASK_IGNORE_RESULT = True  # What a task did is in rows of our own.
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# --- People and what browsers are told -------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["evaluation.sign_in.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Places in studies that one address takes, and keys that nobody has: a class may sit behind one address.
JOINS_PER_MINUTE = env.whole_number("DRAWBENCH_JOINS_PER_MINUTE", 300)
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # a cookie would be every instance's
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_HTTPONLY = True  # Scripts take the token from the page.
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_FAILURE_VIEW = "evaluation.views.errors.csrf_failure"

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# Nothing is told to other sites. Not `no-referrer`: with it browsers send `Origin: null` with our own forms, which the
# protection against forged requests rightly refuses. A page whose address is a secret sets `no-referrer` itself.
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
if PRODUCTION:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^healthz$"]
    SECURE_HSTS_SECONDS = env.whole_number("DRAWBENCH_HSTS_SECONDS", 30 * 24 * 3600, least=0)
    # What other names under the operator's domain do is not ours to decide.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# --- The API ---------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "evaluation.api.authentication.LimitedTokens",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "evaluation.api.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "evaluation.api.description.Description",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_THROTTLE_CLASSES": [
        "evaluation.api.throttles.StrangerThrottle",
        "evaluation.api.throttles.ResearcherThrottle",
    ],
    "NUM_PROXIES": PROXIES,  # Our own throttles ask `evaluation.client`, which says the same.
    "DEFAULT_THROTTLE_RATES": {"anon": "60/min", "user": "1200/min"},
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is a parameter like any other: of the document alone.
}
SPECTACULAR_SETTINGS = {
    "TITLE": "DrawBench",
    "DESCRIPTION": "Suites, generators, runs, uploads, studies, progress and results.",
    "VERSION": "1",
    "LICENSE": {"name": "Apache-2.0"},
    "POSTPROCESSING_HOOKS": [],  # Choices stand where they are used.
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "COMPONENT_SPLIT_REQUEST": True,  # A file that is sent is bytes, not the address of a file.
    "SERVE_INCLUDE_SCHEMA": False,
}

# Counters of the throttles and the like are shared by all processes, and are gone with the broker without harm.
CACHES = {
    "default": {
        "BACKEND": "drawbench.cache.ValkeyCache",
        "LOCATION": _servers.cache,
    }
}

# --- Language, time, logs --------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGES = [("en", "English"), ("fr", "French"), ("de", "German"), ("ru", "Russian")]
"""Of the raters' pages. All others are in English: nothing but those pages asks what a browser prefers."""
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"terminal": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["terminal"], "level": env.text("DRAWBENCH_LOG_LEVEL", "INFO").upper()},
    "loggers": {
        "django": {"handlers": ["terminal"], "level": "INFO", "propagate": False},
        "django.server": {"handlers": ["terminal"], "level": "INFO", "propagate": False},
    },
}
