"""Somebody at the other end of the connection."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

TIMEOUT = 30  # seconds between two arrivals


@dataclass(frozen=True)
class Account:
    """What somebody logs in with."""

    name: str
    password: str

    @classmethod
    def new(cls) -> "Account":
        """A name that nobody has yet."""
        return cls(f"guest-{secrets.token_hex(4)}", secrets.token_urlsafe(16))

    @property
    def basic(self) -> tuple[str, str]:
        """For the API."""
        return self.name, self.password


class Visitor:
    """A person with a browser: keeps cookies, sends forms with their token and their Origin."""

    def __init__(self, origin: str, certificate: Path | None = None) -> None:
        self.origin = origin
        self.account = Account.new()
        self.session = requests.Session()
        self.session.trust_env = False  # no proxies
        if certificate:
            self.session.verify = str(certificate)

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request; redirects are followed."""
        return self.session.request(method, self.origin + path, timeout=TIMEOUT, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """A page or a file."""
        return self.ask("GET", path, **options)

    def submit(self, path: str, fields: dict[str, str], **options: Any) -> requests.Response:
        """Opens the page of a form, fills the form in and sends it."""
        page = self.get(path)
        assert page.status_code == 200, page.text
        return self.send(path, fields, page, **options)

    def send(
        self, path: str, fields: dict[str, str], page: requests.Response, **options: Any
    ) -> requests.Response:
        """Sends a form that stands on a page."""
        headers = {"Origin": self.origin, "Referer": page.url}
        data = {"csrfmiddlewaretoken": token_of(page), **fields}
        return self.ask("POST", path, data=data, headers=headers, **options)

    def sign_up(self) -> requests.Response:
        """Makes the account, which logs in too."""
        name, password = self.account.basic
        fields = {"username": name, "password1": password, "password2": password}
        return self.submit("/accounts/signup/", fields)

    def log_in(self, path: str = "/accounts/login/") -> requests.Response:
        """With the account, which must be there."""
        name, password = self.account.basic
        return self.submit(path, {"username": name, "password": password})

    def sign(self, message: str, **options: Any) -> requests.Response:
        """Leaves an entry; options are such as `files`."""
        return self.submit("/entries/new/", {"message": message}, **options)

    def own_newest(self) -> int:
        """The id of the newest entry of this account."""
        entries = self.get("/api/entries/").json()["entries"]
        return int(next(each["id"] for each in entries if each["author"] == self.account.name))


def token_of(page: requests.Response) -> str:
    """What a form on a page must be sent with."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found, f"no form at {page.url}"
    return found[1]
