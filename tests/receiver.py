"""A real receiver of webhooks on loopback, which checks signatures by a few lines of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = int | tuple[int, dict[str, str], bytes] | Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def signed_by(self, secret: str) -> bool:
        content = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = base64.b64decode(secret[len("whsec_") :])
        wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return f"v1,{wanted}" in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """What came in; what is answered: `answers` one after the other, then 200."""

    address: str = ""
    answers: list[Answer] = field(default_factory=list)
    got: list[Request] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    """Ends an answer that hangs."""

    def wait(self, n: int, within_s: float = 30) -> list[Request]:
        deadline = time.monotonic() + within_s
        while len(self.got) < n:
            assert time.monotonic() < deadline, f"{len(self.got)} of {n} requests came"
            time.sleep(0.01)
        return self.got

    def hang(self, _handler: BaseHTTPRequestHandler) -> None:
        self.let_go.wait(30)

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        """Never silent for long, and never done."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.let_go.wait(0.05):
            handler.wfile.write(b"x")


@contextmanager
def receiving(port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver in a thread; everything it is sent is in `got`."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.got.append(Request(self.path, headers, body))
            answer = receiver.answers.pop(0) if receiver.answers else 200
            if callable(answer):
                self.close_connection = True
                answer(self)
                return
            status, more, text = (answer, {}, b"") if isinstance(answer, int) else answer
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Keep the output of the tests clean."""

    class Server(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, *_: Any) -> None:
            """A sender that has cut off a connection is what some tests want."""

    server = Server(("127.0.0.1", port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.address = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
