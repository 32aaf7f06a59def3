"""Django's settings for the console.  What it is told: environment.py."""

from lab.console.environment import Environment, secret_key
from lab.console.static import version

ENVIRONMENT = Environment.read()

DEBUG = False
SECRET_KEY = secret_key(ENVIRONMENT.data)

# This machine's names alone, so that no other site's name can be pointed here (DNS rebinding).
# Through the Unix socket it is `localhost` too.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = ["django.contrib.staticfiles", "lab.console.pages"]

MIDDLEWARE = [
    "lab.console.headers.security_headers",
    "django.middleware.common.CommonMiddleware",  # refuses other hosts' names
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "lab.console.urls"
WSGI_APPLICATION = "lab.console.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

DATABASES: dict[str, object] = {}  # traces are in a store of their own: store.py

# No web server stands before the console.  Its few files change with its code alone, so one version
# in the address of them all lets browsers keep them for ever.
STATIC_URL = f"/static/{version()}/"

X_FRAME_OPTIONS = "DENY"

# Cookies know no ports: other sites of this machine must not overwrite ours.
CSRF_COOKIE_NAME = "console_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# Errors go to stderr with their traceback; Django alone would mail them.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django.request": {"level": "ERROR"},  # a 4xx is the client's affair
        "django.security.DisallowedHost": {"handlers": [], "propagate": False},
        "lab": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}
