"""What every template may say about the way of its request."""

import os
import threading
from typing import Any

import django
from django.http import HttpRequest


def answered_by(request: HttpRequest) -> dict[str, Any]:
    return {
        "server": request.META.get("SERVER_SOFTWARE", "a server that does not say its name"),
        "framework": f"Django {django.get_version()}",
        "process": os.getpid(),
        "thread": threading.current_thread().name,
    }
