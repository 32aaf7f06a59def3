"""The application that LAB_WSGI names, wrapped so that its requests are recorded (traced.py).

``lab.serve`` has servers load ``lab.tracing.application:application`` in the place of
``module:callable``.  Hooks of servers import traced.py alone, so that the application is loaded
when and where its server does it: gunicorn's worker of greenlets first replaces threads.
"""

import os

from lab.tracing.traced import load

application = load(os.environ["LAB_WSGI"]) if "LAB_WSGI" in os.environ else None
"""What a server loads."""
