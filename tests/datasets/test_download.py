"""A server that sends too much, or without end, is given up."""

import http.server
import io
import threading
import time
import zipfile
from contextlib import suppress

import pytest

from sklearn_emma.datasets import _download


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with suppress(ConnectionError):  # the other side may hang up
            self.server.answer(self)

    def log_message(self, *args):
        pass


@pytest.fixture
def serve(monkeypatch):
    """A real server; ``serve(answer)`` says how it answers, and returns its address."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def start(answer):
            server.answer = answer
            return f"http://127.0.0.1:{server.server_port}/data.zip"

        yield start
        server.shutdown()
        thread.join()


def send(handler, body, status=200):
    handler.send_response(status)
    handler.end_headers()
    handler.wfile.write(body)


def zip_of(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", content)
    return buffer.getvalue()


def test_an_answer_is_read_whole(serve):
    body = bytes(range(256)) * 300
    assert _download.read_url(serve(lambda handler: send(handler, body))) == body


def test_an_error_is_an_oserror(serve):
    with pytest.raises(OSError, match="404"):
        _download.read_url(serve(lambda handler: send(handler, b"", 404)))


def test_no_more_is_read_than_the_bound(serve, monkeypatch):
    monkeypatch.setattr(_download, "MOST_BYTES", 10**6)
    sent = []

    def endless(handler):
        send(handler, b"")
        while len(sent) < 2000:
            handler.wfile.write(bytes(10**5))
            sent.append(10**5)

    with pytest.raises(OSError, match="the answer is larger than 1,000,000 bytes"):
        _download.read_url(serve(endless))
    assert sum(sent) < 10**8


def test_a_server_that_trickles_is_left(serve, monkeypatch):
    monkeypatch.setattr(_download, "_TOTAL_SECONDS", 0.3)
    over = threading.Event()

    def trickle(handler):
        send(handler, b"")
        while not over.wait(0.02):
            handler.wfile.write(b".")

    url = serve(trickle)
    start = time.perf_counter()
    with pytest.raises(OSError, match=r"not complete after 0\.3 seconds"):
        _download.read_url(url)
    assert time.perf_counter() - start < 5
    over.set()


def test_a_member_is_read_whole_and_no_larger_one(monkeypatch):
    content = b"0123456789" * 1000
    assert _download.read_member(zip_of(content), "data.csv") == content
    monkeypatch.setattr(_download, "MOST_BYTES", len(content))
    assert _download.read_member(zip_of(content), "data.csv") == content
    bomb = zip_of(bytes(10**7))
    assert len(bomb) < 20_000
    with pytest.raises(OSError, match=r"data\.csv is larger than 10,000 bytes"):
        _download.read_member(bomb, "data.csv")
