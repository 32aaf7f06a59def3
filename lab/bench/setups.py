"""How a server stands and is reached: the axes of a choice beside servers and workloads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from lab.bench.workloads import CONNECTIONS
from lab.words import TRANSPORTS

DIRECT, NGINX, CONTAINERS = "direct", "nginx", "containers"
WAYS = (DIRECT, NGINX, CONTAINERS)
TCP, UNIX, UWSGI = TRANSPORTS


@dataclass(frozen=True)
class Setup:
    """One point of the axes.

    ``way``: whether nginx stands between load and server, and whether both run in containers, as
    `docker compose up` has them.  ``bind``: by what the server is reached,
    by nginx or by the load itself.  ``threads`` is None for what suits the server, ``connections``
    None for those of the plan.
    """

    way: str = DIRECT
    bind: str = TCP
    workers: int = 1
    threads: int | None = None
    connections: int | None = None

    @property
    def proxied(self) -> bool:
        """Whether nginx is in front."""
        return self.way != DIRECT

    @property
    def contained(self) -> bool:
        """Whether nginx and server are in containers."""
        return self.way == CONTAINERS

    @property
    def words(self) -> Mapping[str, str]:
        """The words of the lab that say the same."""
        return {"WORKERS": str(self.workers), "THREADS": str(self.threads or "")}

    def name_of(self, server: str) -> str:
        """The name under which results have a server in it."""
        return f"{server} {self}".rstrip()

    def __str__(self) -> str:
        """What is not as usual, as in ``nginx unix 2w 8t 64c``; empty where all is."""
        said = [word for word in (self.way, self.bind) if word not in (DIRECT, TCP)]
        said += [f"{self.workers}w"] if self.workers > 1 else []
        said += [f"{self.threads}t"] if self.threads else []
        said += [f"{self.connections}c"] if self.connections not in (None, CONNECTIONS) else []
        return " ".join(said)


USUAL = Setup()


def every(
    ways: Sequence[str] = (DIRECT,),
    binds: Sequence[str] = (TCP,),
    workers: Sequence[int] = (1,),
    threads: Sequence[int | None] = (None,),
    connections: Sequence[int | None] = (None,),
) -> Iterator[Setup]:
    """Every combination of some values, the usual one first where it is among them."""
    yield from (Setup(*values) for values in product(ways, binds, workers, threads, connections))
