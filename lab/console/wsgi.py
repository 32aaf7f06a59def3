"""The console as a WSGI application: what takes spans, then Django."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http.request import split_domain_port, validate_host

from lab.console import ingest
from lab.console.collector import collector

os.environ["DJANGO_SETTINGS_MODULE"] = "lab.console.settings"


def is_ours(host: str) -> bool:
    """Whether a Host field names this machine, by the rule that holds for the pages too."""
    return bool(validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS))


application = ingest.before(get_wsgi_application(), is_ours, collector)
