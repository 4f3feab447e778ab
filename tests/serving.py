"""The API behind a real socket, in a thread of the test's process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from feedback_core.api import create_api
from tests.browser import free_port


@contextmanager
def served(url: str, team: bool | None = None) -> Iterator[str]:
    """The address of an API over a database, below /api as beside the pages. team: whether it asks for tokens."""
    port = free_port()
    app = create_api(url, team)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", root_path=""))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
