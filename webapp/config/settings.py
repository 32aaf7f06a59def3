"""Django's settings. All that depends on the place comes from the environment:

DATA_DIR              what is kept: database, secret key, uploads      (<repository>/var/data)
STATIC_ROOT           where static files are collected and served from (<repository>/var/static)
DATABASE_URL          PostgreSQL or SQLite                             (SQLite in DATA_DIR)
DEBUG                 1 for development: tracebacks in the browser     (0)
ALLOWED_HOSTS         names besides this machine's own, with commas    (none)
CSRF_TRUSTED_ORIGINS  other origins that may post, with their scheme   (none)
SECURE_COOKIES        1 where the site is reached over https alone     (0)
TRUST_FORWARDED_PROTO 1 where the server leaves X-Forwarded-Proto to us (0)
TRACE_URL             where {trace_id} of a page's request is shown    (nowhere)
"""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from . import database, environment, secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = environment.directory("DATA_DIR", BASE_DIR.parent / "var" / "data")

DEBUG = environment.flag("DEBUG", default=False)
try:
    SECRET_KEY = secret_key.read_or_make(DATA_DIR / "secret_key")
except OSError as error:
    raise ImproperlyConfigured(f"DATA_DIR: cannot keep a secret key there: {error}") from error

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "guestbook",
    "workload",
]

# Django's own list, whole: what the lab measures should cost what an ordinary site costs.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "guestbook.context.answered_by",
            ]
        },
    }
]

# --- The database, files -------------------------------------------------------------------------

DATABASES = {"default": database.from_url(os.environ.get("DATABASE_URL", ""), DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "/static/"
STATIC_ROOT = environment.directory("STATIC_ROOT", BASE_DIR.parent / "var" / "static")
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "uploads", "file_permissions_mode": 0o600},
    },
    # A hash of the content in each name, so that the proxy may let browsers keep them for ever.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
FILE_UPLOAD_HANDLERS = [
    "guestbook.attachments.UploadLimit",  # first, so that nothing past the limit is kept
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_NUMBER_FILES = 1  # no form here has more

# --- Who may do what -----------------------------------------------------------------------------

# This machine's own names always count: health checks ask by them.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *environment.words("ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = environment.origins("CSRF_TRUSTED_ORIGINS")

# X-Forwarded-* is the server's business: it knows which peers are proxies that it may believe,
# and says what it found out in wsgi.url_scheme and REMOTE_ADDR. Where it cannot, lab/servers.toml
# has this set; then none but the proxy may reach it, or a client could claim to come by https.
if environment.flag("TRUST_FORWARDED_PROTO", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_HOST = False
USE_X_FORWARDED_PORT = False

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # "no-referrer" would break the CSRF check over https

# Cookies know no ports: other sites of this machine, on other ports, must not overwrite ours.
SESSION_COOKIE_NAME = "guestbook_session"
CSRF_COOKIE_NAME = "guestbook_csrf"
CSRF_FAILURE_VIEW = "guestbook.errors.csrf_failure"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Nor do cookies know http from https on one host. Were they Secure whenever the request came over
# https, a browser that has been there would refuse every later cookie over http, and with it every
# form. The lab serves both, so Secure, and with it Strict-Transport-Security, is for a place that
# has https alone.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = environment.flag("SECURE_COOKIES", default=False)

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "guestbook:login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "guestbook:list"

# Our own, for guestbook.context.
TRACE_URL = os.environ.get("TRACE_URL", "")

# --- The rest ------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

# Errors go to stderr with their traceback, in production too: Django alone would mail them. The
# root logger is left to the server, which is in the same process and has lines of its own.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        # What must run before a start.
        "config": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # A 4xx is the client's affair and in the access log; Django would warn of each.
        "django.request": {"level": "ERROR"},
        # Why PostgreSQL does not answer.
        "psycopg.pool": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
