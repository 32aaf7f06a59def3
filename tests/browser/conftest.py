"""Chromium in front of a stack, and people who use it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright

from tests.e2e import stacks
from tests.e2e.stacks import Site
from tests.services.requirements import need


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; Playwright's own would be a download.

    Not for the session: as long as Playwright runs, so does its event loop, in which Django
    refuses to ask a database.
    """
    executable = need("browser")
    with sync_playwright() as playwright:
        # Its sandbox refuses to run as root, and takes nothing here from anybody but us.
        chromium = playwright.chromium.launch(executable_path=executable, chromium_sandbox=False)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A stack of local processes, as `make up` starts it."""
    with stacks.running(stacks.of("local", SERVER="paceline"), tmp_path_factory.mktemp("s")) as up:
        yield up


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Opens a page of the stack, as opener() says."""
    with opener(browser, site.http, site.https) as open_page:
        yield open_page


@contextmanager
def opener(browser: Browser, *origins: str) -> Iterator[Callable[..., Page]]:
    """Opens a page of a new person's browser; options are those of Playwright's new_context.

    Fails the test at the end where a page asked another host than these, a request failed, or a
    script did.
    """
    pages: list[Page] = []
    asked: list[str] = []
    broken: list[str] = []

    def note_failure(answer: Response) -> None:
        if answer.status >= 500:
            broken.append(f"{answer.url} {answer.status}")

    def note_refusal(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            broken.append(message.text)

    def open_page(**options: Any) -> Page:
        context = browser.new_context(base_url=origins[0], **options)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("requestfailed", lambda request: broken.append(f"{request.url} {request.failure}"))
        page.on("response", note_failure)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", note_refusal)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.context.close()
    allowed = tuple(f"{origin}/" for origin in origins)
    assert [url for url in asked if not url.startswith(allowed)] == []
    # A browser aborts a request itself when a page is left, and where a download begins.
    assert [what for what in broken if not what.endswith("net::ERR_ABORTED")] == []
