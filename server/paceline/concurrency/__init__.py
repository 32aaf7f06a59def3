"""Who runs an exchange: the four models, one a file, by name.

Each is a class that is made with listeners and a Service, and has ``run()``, which blocks until the
model was stopped and everything in flight is done, and ``stop()``, which a signal handler may call.
"""

from paceline.concurrency.adaptive import Adaptive
from paceline.concurrency.base import Model
from paceline.concurrency.serial import Serial
from paceline.concurrency.thread_per_connection import ThreadPerConnection
from paceline.concurrency.thread_pool import ThreadPool

MODELS: dict[str, type[Model]] = {
    "serial": Serial,
    "thread": ThreadPerConnection,
    "pool": ThreadPool,
    "adaptive": Adaptive,
}

__all__ = ["MODELS", "Model"]
