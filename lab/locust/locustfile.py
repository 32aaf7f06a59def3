"""Locust's users: a class for each workload that the application of the stack can be asked for.

    locust -f lab/locust/locustfile.py --host http://localhost:8080 [--master | --worker] [NAME …]

A user asks as soon as it is answered, as a connection of wrk does, or with RATE so many times a
second.  What comes must be what the table says, or it is a failure.  Locust's latencies are those
of a closed loop too: compare with them, and take `lab bench --latency` for what users would feel.
"""

import os
from typing import Any

from locust import FastHttpUser, constant, constant_throughput, task

from lab.bench.workloads import WORKLOADS, Workload
from lab.serve import APPS

APPLICATION = ":".join(APPS[os.environ.get("APP") or "django"])
RATE = float(os.environ.get("RATE") or 0)
"""Requests a second of each user; 0: as many as are answered."""
HOST = os.environ.get("HOST_FIELD", "")
"""What requests say in Host where that is not the address they go to."""


def asks(workload: Workload) -> Any:
    """The task of its users."""
    headers = {**workload.headers, **({"Host": HOST} if HOST else {})}

    def ask(user: Any) -> None:
        with user.client.request(
            workload.method,
            workload.path,
            data=b"x" * workload.upload or None,
            headers=headers,
            name=workload.name,
            catch_response=True,
        ) as answer:
            if answer.status_code == 200 and not workload.accepts(answer.content):
                answer.failure(f"answered something else: {answer.content[:60]!r}")

    return ask


def users(workload: Workload) -> type:
    """A class of users, named as Locust shows it: django-json is DjangoJson."""
    members = {
        "__doc__": workload.summary,
        "__module__": __name__,
        "wait_time": constant_throughput(RATE) if RATE else constant(0),
        "ask": task(asks(workload)),
    }
    return type(workload.name.title().replace("-", ""), (FastHttpUser,), members)


for each in WORKLOADS.values():
    if each.application == APPLICATION and not each.idle and not each.slow:
        kind = users(each)
        globals()[kind.__name__] = kind
del kind  # or Locust finds the last one twice
