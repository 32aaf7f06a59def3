"""A stack at a time, and people who visit it."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.e2e import stacks
from tests.e2e.stacks import Site
from tests.e2e.visitor import Visitor

# The last line of a traceback.
ERROR = re.compile(r"^Traceback .*\n(?:[ \t].*\n)*(.*)$", re.MULTILINE)

# What tests provoke. Nothing else may be in a server's log at the end.
ASKED_FOR = re.compile(
    r"RuntimeError: /workload/error/ fails|django.core.exceptions.DisallowedHost: Invalid HTTP_HOST"
)


@pytest.fixture(scope="session")
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The stack of a test's variant: `stacks.on_guestbooks` and the like choose which."""
    with stacks.running(request.param, tmp_path_factory.mktemp("stack")) as site:
        yield site
        told = site.server_log()
    assert [error for error in ERROR.findall(told) if not ASKED_FOR.match(error)] == []


@pytest.fixture(scope="session")
def new_visitor(stack: Site) -> Iterator[Callable[[], Visitor]]:
    """Makes people who have not been here yet."""
    made: list[Visitor] = []

    def new() -> Visitor:
        made.append(Visitor(stack.http, stack.certificate))
        return made[-1]

    yield new
    for one in made:
        one.session.close()


@pytest.fixture
def visitor(new_visitor: Callable[[], Visitor]) -> Visitor:
    """Somebody who has not been here yet."""
    return new_visitor()


@pytest.fixture(scope="session")
def guest(new_visitor: Callable[[], Visitor]) -> Visitor:
    """Somebody who is logged in and stays so, for all tests of the stack."""
    someone = new_visitor()
    someone.sign_up()
    return someone


@pytest.fixture(scope="session")
def other_guest(new_visitor: Callable[[], Visitor]) -> Visitor:
    """Somebody else, likewise."""
    someone = new_visitor()
    someone.sign_up()
    return someone
