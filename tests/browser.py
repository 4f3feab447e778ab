"""A running app and a headless Chromium to drive it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, TimeoutError, expect, sync_playwright

ROOT = Path(__file__).parent.parent
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)  # the default of 5 s is short of a first page on a busy machine
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def running_app(url: str, log: Path) -> Iterator[str]:
    """The app as a user starts it, on a free port; gives its address."""
    port = free_port()
    with running_server(url, log, port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running_server(url: str, log: Path, port: int, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """The app's process on a port of one's own; it may be killed and started again on the same port.

    variables: of the environment, in addition.
    """
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"]
    environment = os.environ | {"FEEDBACK_DATABASE": url, "USER": "ana"} | variables
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield server
        finally:
            server.terminate()
            server.wait(timeout=30)


@contextmanager
def browser(profile: Path, width: int = 1400, bypass_csp: bool = True) -> Iterator[Page]:
    """A fresh browser page. bypass_csp: let Playwright's wait_for_function evaluate strings, which pages may not."""
    with windows(profile, width, bypass_csp) as context:
        yield context.pages[0]


@contextmanager
def windows(profile: Path, width: int = 1400, bypass_csp: bool = True) -> Iterator[BrowserContext]:
    """A browser that stays open for several pages, which share what it has fetched."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile),
            executable_path=CHROMIUM,
            args=FLAGS,
            headless=True,
            viewport={"width": width, "height": 1000},
            bypass_csp=bypass_csp,
        )
        context.set_default_timeout(PATIENCE_MS)
        yield context
        context.close()


def open_page(page: Page, title: str) -> None:
    """Go to a page through the navigation, as a person does."""
    link = page.get_by_test_id("stSidebarNav").get_by_text(title, exact=True)
    heading = page.get_by_role("heading", level=1, name=title)
    for _ in range(6):  # a click that falls into the drawing of a page may be lost
        link.click()
        with suppress(TimeoutError):
            heading.wait_for(timeout=PATIENCE_MS / 6)
            return
    expect(heading).to_be_visible()


def settled(page: Page) -> None:
    """Wait until the app has stopped running."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_attached()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"The app ended with exit code {server.returncode} before it answered.")
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("The app did not answer within 90 s.")
