"""What people who look at traces have in common."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page

from lab.tracing.span import Span
from tests.services.stack import eventually
from tests.unit.console.running import Console

Open = Callable[..., Page]


def sent(console: Console, spans: list[Span]) -> str:
    """Puts a trace in, and waits until it can be read; its address."""
    console.send(*spans)
    address = f"/traces/{spans[0].trace_id}/"
    eventually(lambda: console.get(address).status_code == 200)
    return address


def row(page: Page, text: str) -> Locator:
    """The first row of a waterfall that says this."""
    return page.get_by_role("treeitem").filter(has_text=text).first
