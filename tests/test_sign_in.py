"""Signing in as people do it: a real provider, a real server, a browser; what nobody sees, and what no page runs."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from feedback_core import people
from feedback_core.store import Store
from tests.browser import browser, free_port, open_page, running_server, settled
from tests.oidc_provider import running_provider, secrets_toml


@contextmanager
def team(store: Store, folder: Path) -> Iterator[str]:
    """The app in team mode with its provider; gives its address."""
    port = free_port()
    app = f"http://127.0.0.1:{port}"
    (folder / ".streamlit").mkdir()
    with running_provider(folder / "provider.log") as provider:
        (folder / ".streamlit" / "secrets.toml").write_text(secrets_toml(provider, app))
        variables = {"HOME": str(folder), "FEEDBACK_ADMINS": "ada@example.org"}
        with running_server(store.url, folder / "app.log", port, **variables):
            yield app


def sign_in(page: Page, app: str, name: str) -> None:
    """From the door to the other side of it."""
    page.goto(app)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(f"{app}/**")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def refuses_agents(app: str) -> None:
    """Streamlit's interface for programs that press buttons is closed."""
    for path, status in (("interact", 403), ("mcp", 400)):
        with closing(http.client.HTTPConnection(app.removeprefix("http://"), timeout=60)) as connection:
            connection.request("POST", f"/_stcore/agent/{path}", b"{}", {"content-type": "application/json"})
            answer = connection.getresponse()
            assert (answer.status, "does not serve the agent API" in answer.read().decode()) == (status, True), path


def keeps_the_policy(page: Page, broken: list[str]) -> None:
    """No page has run code that the policy forbids, and such code does not run. broken: what was said of it."""
    for title in ("Review", "Feedback", "Predictions", "Map", "Insights"):
        open_page(page, title)
        settled(page)
    assert "project=points" in page.url, "the frame's own code has run"
    assert broken == []
    with page.expect_console_message(lambda said: "Content Security Policy" in said.text):
        page.evaluate("document.body.appendChild(document.createElement('script')).textContent = 'window.hit = 1'")
    assert page.evaluate("window.hit") is None
    assert len(broken) == 1, "a break would have been heard"


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


@pytest.mark.browser
def test_nobody_sees_anything_before_they_sign_in_and_then_what_their_role_allows(trained, tmp_path: Path) -> None:
    store, now = trained.store, time.time()
    admin = people.local("test")
    for name, role in (("rob", "reviewer"), ("vic", "viewer")):
        people.set_member(store, admin, trained.project.id, f"{name}@example.org", role, now=now)
    with team(store, tmp_path) as app, browser(tmp_path / "profile", bypass_csp=False) as page:
        heard: list[str] = []
        broken: list[str] = []
        page.on("console", lambda said: broken.append(said.text) if "Content Security Policy" in said.text else None)
        page.on("websocket", lambda socket: socket.on("framereceived", lambda data: heard.append(str(data))))
        # The first request of a fresh process is a deep link, in whose legacy mode the frame would be skipped.
        page.goto(f"{app}/review?project=points")
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
        expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
        told = page.locator("body").inner_text() + "".join(heard).replace("project=points", "")
        assert not [word for word in ("points", "holdout", "example.org") if word in told]

        sign_in(page, app, "vic")
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        identity = cookies["_streamlit_user"]
        assert (identity["httpOnly"], identity["sameSite"]) == (True, "Lax")
        assert "vic@example.org" not in page.evaluate("document.cookie"), "no script can read it"
        expect(page.get_by_text("Vic Viewer")).to_be_visible()
        expect(page.get_by_label("Your name")).to_have_count(0)
        open_page(page, "Review")
        expect(page.get_by_text("You may look, and not decide")).to_be_visible()
        open_page(page, "Retrain")
        expect(page.get_by_role("button", name="Retrain now")).to_be_disabled()
        expect(page.get_by_text("Why not now?")).to_be_visible()
        people.remove_member(store, admin, trained.project.id, "vic@example.org", now=time.time())
        # Nothing is pressed: what draws itself anew every few seconds finds out.
        expect(page.get_by_role("heading", name="You have no role here yet")).to_be_visible()
        expect(page.get_by_text("Why not now?")).to_have_count(0)
        sign_out(page)
        page.goto(f"{app}/retrain")
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()

        sign_in(page, app, "rob")
        open_page(page, "Review")
        page.locator(".deck").wait_for()
        page.keyboard.press("1")
        expect(page.get_by_text("saved").first).to_be_visible()
        sign_out(page)

        # Eve says to be Ada, the admin, and her provider has not checked it.
        sign_in(page, app, "eve")
        expect(page.get_by_role("heading", name="You have no role here yet")).to_be_visible()
        expect(page.get_by_text("Ask ada@example.org for one")).to_be_visible()
        expect(page.get_by_test_id("stCode").get_by_text("|id-eve")).to_be_visible()
        expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
        assert "points" not in page.locator("body").inner_text()
        sign_out(page)

        sign_in(page, app, "ada")
        open_page(page, "Setup")
        expect(page.get_by_text("People and access")).to_be_visible()
        page.locator("input[type=file]").first.set_input_files(
            {"name": "few.csv", "mimeType": "text/csv", "buffer": b"x0,label\n1,a\n2,b\n"}
        )
        expect(page.get_by_text("2 rows, 2 columns")).to_be_visible()
        open_page(page, "Retrain")
        page.get_by_role("button", name="Retrain now").click()
        expect(page.get_by_text("The worker trains a new version")).to_be_visible()
        keeps_the_policy(page, broken)
        refuses_agents(app)
    (entry,) = store.feedback.latest(trained.project.id)
    assert entry.reviewer == "rob@example.org"
    assert store.jobs.latest(trained.project.id)[0].requested_by == "ada@example.org"
