"""Django's development server: what `manage.py runserver` runs, for any WSGI application.

    python -m lab.launch.runserver module:callable --bind HOST:PORT

`manage.py runserver` itself loads the application that the settings name, so it could neither be
traced nor serve another.  A thread for each connection; it reloads nothing.
"""

from django.core.servers.basehttp import run

from lab.launch.arguments import read


def main() -> None:
    """Serves until it is ended."""
    application, arguments = read()
    host, _, port = arguments.bind.rpartition(":")
    run(host, int(port), application, threading=True)


if __name__ == "__main__":
    main()
