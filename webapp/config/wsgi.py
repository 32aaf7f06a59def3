"""What a WSGI server loads: `config.wsgi`, with webapp/ as the working directory."""

import logging
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# By what the preparation leaves in files: loading an application should ask no database.
LEFT = (settings.DATA_DIR / "prepare.lock", settings.STATIC_ROOT / "staticfiles.json")
if not all(path.exists() for path in LEFT):
    logging.getLogger(__name__).warning(
        "tables or static files are missing: "
        "stop the server, run `python manage.py prepare` in %s, start it again",
        settings.BASE_DIR,
    )
