"""Files: how much is taken, where they go, how they come back; and the export."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from guestbook.attachments import MAX_SIZE, shown_name
from guestbook.models import Entry

UPLOADS = settings.DATA_DIR / "uploads"


def attach(client: Client, name: str, content: bytes, kind: str = "text/html") -> Any:
    file = SimpleUploadedFile("placeholder", content, kind)
    file._name = name  # as a client may send it; the class itself would cut it
    return client.post("/entries/new/", {"message": "With a file", "attachment": file})


def stored_files() -> set[Path]:
    return set(UPLOADS.iterdir()) if UPLOADS.exists() else set()


@pytest.mark.usefixtures("db")
class TestUpload:
    @pytest.fixture(autouse=True)
    def _tidy(self, db: str) -> Any:
        yield
        for file in stored_files():
            file.unlink()

    @pytest.mark.parametrize("size", [1, 3_000_000, MAX_SIZE])  # in memory, in a file, the limit
    def test_there_and_back(self, as_ada: Client, size: int) -> None:
        content = (b"\x00\xff\r\n123" * (size // 7 + 1))[:size]
        assert attach(as_ada, "notes.txt", content).status_code == 302
        entry = Entry.objects.get()
        answer = Client().get(f"/entries/{entry.pk}/attachment/")
        assert answer.streaming
        assert b"".join(answer.streaming_content) == content
        answer.close()
        assert answer["Content-Length"] == str(size)
        assert answer["Content-Type"] == "text/plain"
        assert answer["Content-Disposition"] == 'attachment; filename="notes.txt"'
        assert answer["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("size", [MAX_SIZE + 1, 2 * MAX_SIZE])
    def test_too_large(self, as_ada: Client, size: int) -> None:
        answer = attach(as_ada, "large.bin", b"x" * size)
        assert answer.status_code == 200
        assert "at most 8 MB" in answer.content.decode()
        assert not Entry.objects.exists()
        assert stored_files() == set()

    def test_what_is_past_the_limit_is_not_even_kept_for_a_while(
        self, as_ada: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept: list[int] = []
        monkeypatch.setattr("guestbook.forms.attachments.check_size", lambda f: kept.append(f.size))
        attach(as_ada, "large.bin", b"x" * (3 * MAX_SIZE))
        assert MAX_SIZE < kept[0] <= MAX_SIZE + 65_536

    def test_an_empty_file(self, as_ada: Client) -> None:
        assert "empty" in attach(as_ada, "empty.txt", b"").content.decode()

    def test_more_files_than_the_form_has(self, as_ada: Client) -> None:
        files = {name: SimpleUploadedFile(name, b"x") for name in ("attachment", "other")}
        assert as_ada.post("/entries/new/", {"message": "x"} | files).status_code == 400
        assert stored_files() == set()

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ada\\notes.txt", "notes.txt"),
            ("/etc/cron.d/job", "job"),
            ("änderung „1“.txt", "änderung „1“.txt"),
            ("invoice\u202etxt.exe", "invoicetxt.exe"),
        ],
    )
    def test_a_name_is_a_name(self, as_ada: Client, sent: str, shown: str) -> None:
        before = set(settings.DATA_DIR.iterdir()) | {UPLOADS}
        assert attach(as_ada, sent, b"x").status_code == 302
        entry = Entry.objects.get()
        assert entry.attachment_name == shown
        (stored,) = stored_files()
        assert stored.name == entry.attachment.name
        assert len(stored.name) == 32
        assert set(stored.name) <= set("0123456789abcdef")
        assert stored.stat().st_mode & 0o777 == 0o600
        assert set(settings.DATA_DIR.iterdir()) == before
        answer = Client().get(f"/entries/{entry.pk}/attachment/")
        assert answer["Content-Disposition"].startswith("attachment; filename")
        answer.close()

    def test_a_name_does_not_end_its_header(self, as_ada: Client) -> None:
        attach(as_ada, "notes.txt", b"x")
        Entry.objects.update(attachment_name='a"; filename="b.html')
        answer = Client().get(f"/entries/{Entry.objects.get().pk}/attachment/")
        answer.close()
        expected = r'attachment; filename="a\"; filename=\"b.html"'
        assert answer["Content-Disposition"] == expected

    def test_a_name_that_is_too_long(self, as_ada: Client) -> None:
        assert "at most 100 characters" in attach(as_ada, "x" * 101, b"x").content.decode()

    @pytest.mark.parametrize("name", ["page.html", "image.svg", "script.js", "page.HTM", "plain"])
    def test_nothing_is_given_out_that_a_browser_runs(self, as_ada: Client, name: str) -> None:
        attach(as_ada, name, b"<script>alert(1)</script>", kind="text/html")
        answer = Client().get(f"/entries/{Entry.objects.get().pk}/attachment/")
        answer.close()
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment;")
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"

    def test_the_api_names_it(self, as_ada: Client) -> None:
        attach(as_ada, "notes.txt", b"x")
        (entry,) = Client().get("/api/entries/").json()["entries"]
        path = f"/entries/{entry['id']}/attachment/"
        assert entry["attachment"] == {"name": "notes.txt", "url": path}

    def test_a_file_goes_with_its_entry(
        self, as_ada: Client, ada: User, committed: Callable[[], Any]
    ) -> None:
        attach(as_ada, "notes.txt", b"x")
        assert len(stored_files()) == 1
        with committed():
            ada.delete()
        assert stored_files() == set()

    def test_a_file_that_is_gone(self, as_ada: Client) -> None:
        attach(as_ada, "notes.txt", b"x")
        (file,) = stored_files()
        file.unlink()
        assert "notes.txt" in as_ada.get("/").content.decode()
        path = f"/entries/{Entry.objects.get().pk}/attachment/"
        assert as_ada.get(path).status_code == 404

    def test_an_entry_without_one(self, entry: Entry) -> None:
        assert Client().get(f"/entries/{entry.pk}/attachment/").status_code == 404

    def test_editing_leaves_it(self, as_ada: Client) -> None:
        attach(as_ada, "notes.txt", b"x")
        entry = Entry.objects.get()
        as_ada.post(f"/entries/{entry.pk}/edit/", {"message": "Other words"})
        entry.refresh_from_db()
        assert entry.message == "Other words"
        assert entry.attachment_name == "notes.txt"
        assert len(stored_files()) == 1


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"), ("...", "attachment"), ("\0", "attachment")],
)
def test_a_name_fits_a_header(sent: str, shown: str) -> None:
    assert shown_name(sent) == shown


@pytest.mark.usefixtures("db")
class TestExport:
    def rows(self) -> list[list[str]]:
        answer = Client().get("/export.csv")
        assert answer.streaming
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"] == 'attachment; filename="guestbook.csv"'
        pieces = list(answer.streaming_content)
        self.pieces = len(pieces)
        return list(csv.reader(io.StringIO(b"".join(pieces).decode(), newline="")))

    def test_all_of_it_in_pieces(self, ada: User) -> None:
        text = "Line one\r\n\"quoted\", and 'so on' ä\n" + "x" * 400
        Entry.objects.bulk_create(Entry(author=ada, message=text) for _ in range(1200))
        header, *rows = self.rows()
        assert header == ["id", "author", "created", "message", "attachment"]
        assert len(rows) == 1200
        assert all(row[1] == "ada" and row[3] == text for row in rows)
        assert int(rows[0][0]) - int(rows[-1][0]) == 1199
        assert self.pieces > 20

    def test_an_empty_guestbook(self) -> None:
        assert len(self.rows()) == 1

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
    def test_no_cell_is_a_formula(self, ada: User, text: str) -> None:
        Entry.objects.create(author=ada, message=text)
        assert self.rows()[1][3] == f"'{text}"
