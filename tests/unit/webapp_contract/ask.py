"""Run in a process of its own: loads one application and answers requests with it.

    python ask.py MODULE < requests.json > answers.json          (in webapp/)

A process for each application, so that neither sees what the other has imported.
"""

import importlib
import io
import json
import sys
from pathlib import Path
from urllib.parse import unquote_to_bytes
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator


def ask(application, method, target, body, headers):
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_SOFTWARE": "contract/1",
        "wsgi.input": io.BytesIO(body.encode()),
        "wsgi.errors": sys.stderr,
        **headers,
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body.encode()))
    setup_testing_defaults(environ)
    started = []

    def start_response(status, fields, _=None):
        started.append((status, fields))
        return lambda _: None

    result = validator(application)(environ, start_response)
    try:
        content = b"".join(result)
    finally:
        result.close()
    ((status, fields),) = started
    told = {name.lower(): value for name, value in fields}
    return {
        "status": int(status[:3]),
        "type": told["content-type"].partition(";")[0] if "content-type" in told else None,
        "buffering": told.get("x-accel-buffering"),
        # Django leaves it to the server to send HEAD no body, which a server does.
        "body": "" if method == "HEAD" else content.decode("latin-1"),
    }


def examples():
    """Each workload's address with its defaults, from the application that was loaded."""
    if "workload.registry" in sys.modules:
        return [each.example for each in sys.modules["workload.registry"].workloads]
    return [each for each in sys.modules["tiny.app"].examples if each.startswith("/workload/")]


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    application = importlib.import_module(sys.argv[1]).application
    answers = [ask(application, *request) for request in json.load(sys.stdin)]
    packages = {name.partition(".")[0] for name in sys.modules}
    json.dump(
        {"answers": answers, "examples": examples(), "packages": sorted(packages)}, sys.stdout
    )
