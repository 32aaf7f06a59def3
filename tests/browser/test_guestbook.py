"""A person with a browser, and one without a mouse."""

import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.stacks import Site
from tests.e2e.visitor import Account

Open = Callable[..., Page]

WIDTHS = [360, 1600]


def sign_up(page: Page) -> Account:
    """Makes an account from the first page; the browser is then back there."""
    account = Account.new()
    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Username").fill(account.name)
    page.get_by_label("Password:", exact=True).fill(account.password)
    page.get_by_label("Password confirmation").fill(account.password)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Guestbook")).to_be_visible()
    return account


def sign(page: Page, message: str) -> None:
    page.get_by_role("link", name="Sign the guestbook").click()
    page.get_by_label("Message").fill(message)
    page.get_by_role("button", name="Sign", exact=True).click()


def attached(name: str, content: bytes) -> FilePayload:
    """A file of the person's, as Playwright takes it."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def test_sign_the_guestbook_and_see_it(open_page: Open):
    page = open_page()
    account = sign_up(page)
    sign(page, "Grüße <b>from</b> a browser ✓")

    expect(page.get_by_role("status")).to_have_text("Thank you for signing.")
    entry = page.get_by_role("article").first
    expect(entry).to_contain_text(account.name)
    expect(entry).to_contain_text("Grüße <b>from</b> a browser ✓")

    reader = open_page()  # somebody else
    reader.goto("/")
    expect(reader.get_by_role("article").first).to_contain_text("Grüße <b>from</b> a browser ✓")
    expect(reader.get_by_role("link", name="Edit")).to_have_count(0)
    expect(reader.get_by_role("contentinfo")).to_contain_text("paceline/")


def test_edit_delete_and_log_out(open_page: Open):
    page = open_page()
    account = sign_up(page)
    sign(page, "first thought")
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_label("Message").fill("second thought")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("article")).to_contain_text("second thought")

    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_have_text("Your entry has been deleted.")
    expect(page.get_by_text("second thought")).to_have_count(0)

    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
    expect(page.get_by_text(account.name)).to_have_count(0)


def test_a_file_is_attached_and_downloaded(open_page: Open):
    content = secrets.token_bytes(100_000)
    page = open_page()
    sign_up(page)
    page.get_by_role("link", name="Sign the guestbook").click()
    page.get_by_label("Message").fill("with a file")
    file = attached("a file.bin", content)
    page.get_by_label("Attachment").set_input_files(file)
    page.get_by_role("button", name="Sign", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="a file.bin").first.click()

    assert download.value.suggested_filename == "a file.bin"
    assert download.value.path().read_bytes() == content


def test_what_is_wrong_with_a_form_is_said_beside_it(open_page: Open):
    page = open_page()
    page.goto("/accounts/signup/")
    page.get_by_label("Username").fill(Account.new().name)
    page.get_by_label("Password:", exact=True).fill("12345678")
    page.get_by_label("Password confirmation").fill("12345678")
    page.get_by_role("button", name="Sign up").click()

    expect(page.get_by_text("This password is too common.")).to_be_visible()
    expect(page).to_have_url("/accounts/signup/")


def test_by_keyboard_alone(open_page: Open):
    page = open_page()
    sign_up(page)

    def tab_to(name: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            if name in (focused.text_content() or "") or focused.get_attribute("name") == name:
                # Whoever has no mouse must see where they are.
                width = focused.evaluate("element => getComputedStyle(element).outlineWidth")
                assert width != "0px", name
                return
        raise AssertionError(f"no way to {name!r} with the Tab key")

    tab_to("Skip to the content")
    expect(page.locator(":focus")).to_be_in_viewport()  # it comes into sight
    page.keyboard.press("Enter")
    tab_to("Sign the guestbook")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign the guestbook")).to_be_visible()
    tab_to("message")
    page.keyboard.type("typed and never clicked")
    tab_to("Sign")
    page.keyboard.press("Enter")

    expect(page.get_by_role("article").first).to_contain_text("typed and never clicked")


# What must be scrolled sideways to be read: the whole page, or something on it.
TOO_WIDE = """() => [...document.querySelectorAll("html, body *")]
    .filter(element => element.clientWidth && element.scrollWidth > element.clientWidth)
    .map(element => `${element.tagName} ${element.className}: ${element.scrollWidth}`)"""


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(open_page: Open, width: int):
    page = open_page(viewport={"width": width, "height": 740})
    paths = ["/", "/accounts/signup/", "/accounts/login/", "/workload/", "/nowhere/"]
    for path in paths:
        page.goto(path)
        assert page.evaluate(TOO_WIDE) == [], path

    sign_up(page)
    long = attached(f"{'long-name' * 8}.bin", b"x")
    page.get_by_role("link", name="Sign the guestbook").click()
    assert page.evaluate(TOO_WIDE) == []
    page.get_by_label("Message").fill("aWordThatNeverEnds" * 20)
    page.get_by_label("Attachment").set_input_files(long)
    page.get_by_role("button", name="Sign", exact=True).click()
    assert page.evaluate(TOO_WIDE) == []
    for link in ("Edit", "Delete"):
        page.get_by_role("link", name=link).first.click()
        assert page.evaluate(TOO_WIDE) == [], link
        page.go_back()


def test_edit_and_delete_stay_together_beside_a_file(open_page: Open):
    page = open_page(viewport={"width": 360, "height": 740})
    sign_up(page)
    page.get_by_role("link", name="Sign the guestbook").click()
    page.get_by_label("Message").fill("with a file")
    # Leaves room for one of the two beside it.
    page.get_by_label("Attachment").set_input_files(attached("a-report-of-the-year.pdf", b"x"))
    page.get_by_role("button", name="Sign", exact=True).click()
    edit, delete = (
        page.get_by_role("link", name=name).first.bounding_box() for name in ("Edit", "Delete")
    )

    assert edit
    assert delete
    assert edit["y"] == delete["y"]


def test_a_file_past_10_mb_is_explained_by_nginx(open_page: Open):
    page = open_page(viewport={"width": 360, "height": 740})
    sign_up(page)
    page.get_by_role("link", name="Sign the guestbook").click()
    page.get_by_label("Message").fill("too large")
    file = attached("large.bin", b"x" * 11 * 1024 * 1024)
    page.get_by_label("Attachment").set_input_files(file)
    page.get_by_role("button", name="Sign", exact=True).click()

    expect(page.get_by_role("heading")).to_have_text("413: more than the proxy takes")
    assert page.evaluate(TOO_WIDE) == []
    page.get_by_role("link", name="Back to the form").click()
    expect(page.get_by_role("heading", name="Sign the guestbook")).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(open_page: Open, scheme: str, width: int):
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    for path in ("/", "/accounts/signup/", "/none/"):
        page.goto(path)
        ground, text = page.evaluate(
            """() => ["backgroundColor", "color"].map(
                property => getComputedStyle(document.body)[property].match(/\\d+/g)
                    .slice(0, 3).map(Number).reduce((a, b) => a + b) / 3)"""
        )
        assert (ground > text) == (scheme == "light"), path
        assert abs(ground - text) > 120, path


def test_a_page_that_is_not_there(open_page: Open):
    page = open_page()
    answer = page.goto("/nowhere/")

    assert answer
    assert answer.status == 404
    expect(page.get_by_role("heading", name="Not Found")).to_be_visible()
    page.get_by_role("link", name="Back to the guestbook").click()
    expect(page).to_have_url("/")


def test_over_tls_and_http_2(open_page: Open, site: Site):
    page = open_page(ignore_https_errors=True)
    page.goto(site.https)
    spoken = page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")

    assert spoken == "h2"
    page.get_by_role("link", name="Sign up").click()  # the way on stays on https
    expect(page).to_have_url(f"{site.https}/accounts/signup/")
    expect(page.get_by_role("contentinfo")).to_contain_text("over https")
