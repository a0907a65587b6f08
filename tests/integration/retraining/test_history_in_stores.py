"""Users' own Parquet files in object stores: a folder by its URL, and a bucket over the protocol of S3."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet
from riverrun_trainer.retraining.history_rows import BATCH_ROWS, read_rows

from riverrun.core.errors import InvalidInput

COUNT = BATCH_ROWS + 500


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Rows of two numbers, in more than one batch."""
    path = tmp_path / "fraud" / "2025.parquet"
    path.parent.mkdir()
    columns = {
        "amount": Array([n / 2 for n in range(COUNT)], DataType.float64()),
        "fraud": Array([n % 3 == 0 for n in range(COUNT)], DataType.bool()),
    }
    write_parquet(Table.from_pydict(columns), str(path))
    return path


def rows(name: str, skip: int = 0) -> list[Any]:
    return [row for some in read_rows(name, skip) for row in some]


@contextmanager
def bucket(files: dict[str, bytes], asked: list[str]) -> Iterator[str]:
    """A server that answers as S3 does when an object is asked for; its address. `asked` are the signers."""

    class Objects(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            asked.append(self.headers.get("authorization", "").partition("/")[0])
            self.send_response(200 if body is not None else 404)
            body = body or b"<Error><Code>NoSuchKey</Code></Error>"
            self.send_header("content-length", str(len(body)))
            self.send_header("etag", '"1"')
            self.send_header("last-modified", "Wed, 21 Oct 2026 07:28:00 GMT")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Objects) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_file_is_read_by_its_url_as_by_its_path(file: Path) -> None:
    by_path = rows(str(file))

    assert rows(file.as_uri()) == by_path
    assert len(by_path) == COUNT
    assert by_path[1] == {"amount": 0.5, "fraud": False}


def test_reading_goes_on_behind_the_rows_that_were_learned(file: Path) -> None:
    for skip in (1, BATCH_ROWS, BATCH_ROWS + 1, COUNT):
        assert rows(file.as_uri(), skip) == rows(str(file))[skip:]


def test_a_file_that_a_store_has_not_is_refused_by_its_url(file: Path) -> None:
    with pytest.raises(InvalidInput, match=r"2026\.parquet cannot be read: .*not found") as caught:
        rows(file.as_uri().replace("2025", "2026"))

    assert caught.value.field == "retrain.history.files"


def test_a_url_of_no_known_store_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"ftp://history/own\.parquet cannot be read"):
        rows("ftp://history/own.parquet")


def test_a_bucket_is_read_with_the_credentials_of_the_environment(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    with bucket({"/history/fraud/2025.parquet": file.read_bytes()}, asked) as address:
        environment = {
            "AWS_ENDPOINT_URL": address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-north-1",
            "AWS_ACCESS_KEY_ID": "reader",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

        assert rows("s3://history/fraud/2025.parquet") == rows(str(file))
        with pytest.raises(InvalidInput, match=r"s3://history/none\.parquet cannot be read"):
            rows("s3://history/none.parquet")

    assert set(asked) == {"AWS4-HMAC-SHA256 Credential=reader"}
