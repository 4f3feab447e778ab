"""The Python client and connections that the server closes between two requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from feedback_core import client as clients
from feedback_core.client import Client
from feedback_core.errors import RemoteError


class Server(ThreadingHTTPServer):
    """Answers everything with {}, and hangs up as it is told: `after` an answer, or `before` one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.hangs_up, self.connections, self.got = "", 0, list[str]()
        self.closed = threading.Semaphore(0)

    def finish_request(self, request, client_address):
        self.connections += 1
        super().finish_request(request, client_address)

    def shutdown_request(self, request):
        super().shutdown_request(request)
        self.closed.release()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.got.append(self.path)
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.close_connection = bool(self.server.hangs_up)  # unannounced: the answer does not say so
        if self.server.hangs_up != "before":
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(server) -> Iterator[Client]:
    client = Client(f"http://127.0.0.1:{server.server_address[1]}", 1)
    yield client
    client.close()


def test_a_request_over_a_connection_that_the_server_has_closed_is_sent_over_a_fresh_one(server, client):
    server.hangs_up = "after"
    client.retrain()
    assert server.closed.acquire(timeout=20)
    assert client.retrain() == {}
    assert (server.connections, len(server.got)) == (2, 2)


def test_a_request_without_a_key_that_a_fresh_connection_loses_is_not_sent_again(server, client):
    server.hangs_up = "before"
    with pytest.raises(RemoteError, match="does not answer"):
        client.retrain()
    assert len(server.got) == 1


def test_a_connection_that_was_idle_for_long_is_opened_anew(server, client, monkeypatch):
    client.retrain()
    client.retrain()
    assert server.connections == 1
    monkeypatch.setattr(clients, "IDLE_S", 0.0)
    client.retrain()
    assert (server.connections, len(server.got)) == (2, 3)
