"""Every control that changes something, pressed by every role: the table of permissions decides, on the server."""

from __future__ import annotations

import ast
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from feedback_core import people
from feedback_core.clustering import deciding
from feedback_core.clustering.feedback import ClusterSaid, record
from feedback_core.errors import Forbidden
from feedback_core.loop import Loop, create_project
from feedback_core.permissions import ACTIONS
from feedback_core.store import Store, open_store
from feedback_core.store.drift_alerts import tell
from feedback_core.types import ROLES, Decision, ItemFilter
from feedback_core.worker import run_next
from tests.conftest import TWO_NUMBERS, Clock, make_loop, rows
from tests.test_pages import PAGES, ROOT, correct_wrongly, dealt, texts


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in a state in which every control is there: feedback, a conflict, an old version, an undecided one."""
    folder = tmp_path_factory.mktemp("template")
    loop = make_loop(open_store(f"sqlite:///{folder / 'test.db'}"), Clock(time.time() - 3_600))
    loop.add_items(rows(200)[0], "test")
    loop.add_items(rows(60, seed=1, labelled=False)[0], "test")
    for _ in range(2):
        version = loop.retrain("test")
        loop.judge(version)
        loop.promote(version, "test", "for the test")
        loop.predict()
        correct_wrongly(loop, 6)
        said = loop.store.feedback.latest(loop.project.id, 1)
        item = loop.store.items.get(said[0].item_id)
        loop.record(Decision(item.id, "bob", "confirm", item.predicted, version_id=item.version_id))  # they differ
    loop.judge(loop.retrain("test"))
    correct_wrongly(loop, 2)
    loop.rank_feedback()
    loop.rule([said[0].id - 2], "accept", "bob")
    opened_items = loop.store.items.page(loop.project.id, ItemFilter(("open",)), sort="newest", limit=3)
    loop.open_session([item.id for item in opened_items], "three", "bob")
    for k in (3, 4):
        job = deciding.request(loop, "test", k)
        run_next(loop.store, "test", loop.clock, only=job.id)
        record(loop, ClusterSaid("split", "test", clusters=(1,)))
    drifts(loop)
    put_away = create_project(loop.store, "put away", TWO_NUMBERS, ("a", "b"), actor="test")
    loop.store.projects.archive(put_away, now=time.time(), actor="test")
    create_project(loop.store, "secret", TWO_NUMBERS, ("a", "b"), actor="test")
    admin = people.local("test")
    for role in ROLES:
        people.set_member(loop.store, admin, loop.project.id, f"{role}@example.org", role, now=time.time())
    people.set_member(loop.store, admin, None, "root@example.org", "admin", now=time.time())
    people.create_token(loop.store, admin, loop.project.id, "a token", "viewer", now=time.time())
    with sqlite3.connect(folder / "test.db") as database:
        database.execute("pragma wal_checkpoint(truncate)")
    return folder


def drifts(loop: Loop) -> None:
    """An alert that nobody has answered."""
    about = {"version": 1, "direction": "higher", "place": "0", "measure": "KS", "effect": 0.4, "p": 1e-5}
    about |= {"level": 0.01, "before": 0.5, "share_before": 0.5, "share_now": 0.9, "look": 1, "after": 0, "upto": 260}
    with loop.store.drift_alerts._driver.writing() as session:
        tell(session, loop.project.id, [about | {"column": "x0"}], time.time())


@pytest.fixture
def world(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of the test's own in that state, behind sign-in."""
    shutil.copytree(template, tmp_path / "world")
    url = f"sqlite:///{tmp_path / 'world' / 'test.db'}"
    monkeypatch.setenv("FEEDBACK_DATABASE", url)
    monkeypatch.setenv("FEEDBACK_AUTH", "required")
    monkeypatch.setenv("FEEDBACK_ADMINS", "")
    monkeypatch.chdir(ROOT)
    return open_store(url)


def claims(name: str, **more: object) -> dict[str, object]:
    """What a provider says of somebody who has just signed in."""
    said = {"is_logged_in": True, "iss": "https://id.example.org", "sub": name, "iat": time.time()}
    return said | {"email": f"{name}@example.org", "email_verified": True} | more


def opened(who: dict[str, object], page: str = "overview", **state: object) -> AppTest:
    """A page as somebody sees it. Streamlit takes `user` from the cookie it has signed; nothing on a page sets it."""
    app = AppTest.from_file(str(ROOT / "pages" / "_frame.py"), default_timeout=60)
    app.user = who
    for key, value in state.items():
        if key.startswith("?"):
            app.query_params[key[1:]] = value
        else:
            app.session_state[key] = value
    app.run()
    if page != "overview":
        app.switch_page(f"{page}.py").run()
    assert not app.exception
    return app


def stored(store: Store) -> list[str]:
    """Everything in the database."""
    with sqlite3.connect(store.url.removeprefix("sqlite:///")) as database:
        tables = database.execute(
            "select name from sqlite_master where type = 'table' and sql not like 'create virtual%' "
            "and name not like 'items_text%'"
        )
        return [str(row) for (name,) in tables.fetchall() for row in database.execute(f"select * from {name}")]


def button(app: AppTest, key: str):
    """The first button whose key or caption begins like this."""
    return next(each for each in app.button if (each.key or "").startswith(key) or each.label.startswith(key))


def press(app: AppTest, key: str) -> None:
    """Press a button; a disabled one too, as a forged message does."""
    pressed = button(app, key)
    pressed.proto.disabled = False  # of the test harness; the server is told nothing
    pressed.click().run()
    assert not app.exception


def typed(key: str, value: object, run: bool = False) -> Callable[[AppTest], None]:
    """Puts something into the field whose key begins like this. run: the page is drawn before anything is pressed."""

    def put(app: AppTest) -> None:
        fields = (*app.text_input, *app.number_input, *app.slider)
        field = next(each for each in fields if (each.key or "").startswith(key))
        field.set_value(value)
        if run:
            app.run()

    return put


def unlocked(_action: str, _about: object, *, disabled: bool = False, help: str | None = None) -> dict[str, object]:
    """A page that has forgotten to disable its controls; Streamlit itself drops what a disabled one sends."""
    return {"disabled": disabled, "help": help}


def uploaded(key: str, name: str, data: bytes) -> Callable[[AppTest], None]:
    """Sends a file to the uploader whose key begins like this."""

    def send(app: AppTest) -> None:
        next(each for each in app.file_uploader if (each.key or "").startswith(key)).upload(name, data).run()

    return send


def nothing(_app: AppTest) -> None:
    """No field to fill."""


CONFLICTS = {"feedback_view": "conflicts"}
ACCESS = {"section": "People and access"}
DRIFT = {"?view": "drift"}
PREDICTED = {"section": "Bring a model", "bring-way-1": "Its predictions"}
SAID = b'{"item": 1, "label": "a", "version": "llm"}'
TASKS = b'[{"data": {"x0": 7.5, "x1": 1.25}, "predictions": []}]'
CONTROLS: list[tuple[str, str, str, dict[str, object], Callable[[AppTest], None]]] = [
    ("retrain", "retrain_now", "retrain", {}, nothing),
    ("retrain", "promote-", "promote", {}, typed("reason-", "better for us")),
    ("retrain", "keep-", "refuse", {}, nothing),
    ("retrain", "judge_again", "judge", {}, nothing),
    ("retrain", "rollback-", "rollback", {}, typed("back-", "it was better")),
    ("retrain", "dry_run", "study", {}, nothing),
    ("retrain", "backtest", "study", {}, nothing),
    ("retrain", "lineup_train", "retrain", {"lineup": ["random_forest"]}, nothing),
    ("retrain", "save-realtime", "settings", {}, typed("setting-realtime_every", 40)),
    ("retrain", "effects-", "study", {"more-3": True}, nothing),
    ("retrain", "save-triggers", "settings", {}, typed("schedule-", "0 3 * * *")),
    ("feedback", "feedback_rank", "study", {}, nothing),
    ("feedback", "rule-reject-", "rule", {}, nothing),
    ("feedback", "unrule-", "rule", {}, nothing),
    ("feedback", "settle-", "rule", CONFLICTS, nothing),
    ("insights", "insights_ask_forecast", "study", {"?view": "outlook"}, nothing),
    ("insights", "insights_ask_certificate", "study", {"?view": "automate"}, nothing),
    ("insights", "drift-dismiss-", "drift alerts", DRIFT, nothing),
    ("map", "map_draw", "study", {"map_method": "t-SNE"}, nothing),
    ("clusters", "recluster", "recluster", {}, nothing),
    ("clusters", "use-", "promote", {}, nothing),
    ("clusters", "keep-groups-", "refuse", {}, nothing),
    ("clusters", "compare-", "judge", {}, nothing),
    ("clusters", "unsay-", "undo others", {}, nothing),
    ("clusters", "split-group-", "group", {}, nothing),
    ("predictions", "items_review", "review", {}, nothing),
    ("predictions", "Save this order", "settings", {"weights_open": True}, typed("weight", 0.5, run=True)),
    ("review", "queue_close", "review", {"queue": 1}, nothing),
    ("setup", "Save", "settings", {"section": "Settings"}, typed("setting-retrain", 7)),
    ("setup", "bring-import", "bring model", PREDICTED, uploaded("bring-said-", "said.jsonl", SAID)),
    ("setup", "take-", "add items", {"section": "Import"}, uploaded("import-1-", "export.json", TASKS)),
    ("setup", "Rename", "archive", {"section": "Project"}, typed("", "another name")),
    ("setup", "archive", "archive", {"section": "Project"}, typed("archive-name", "points", run=True)),
    ("setup", "member-add", "members", ACCESS, typed("member-subject", "new@example.org")),
    ("setup", "remove-", "members", ACCESS, nothing),
    ("setup", "token-make", "tokens", ACCESS, typed("token-name", "nightly")),
    ("setup", "revoke-", "tokens", ACCESS, nothing),
]


@pytest.mark.parametrize(
    ("page", "key", "action", "state", "before"), CONTROLS, ids=[f"{page} {key}" for page, key, *_ in CONTROLS]
)
def test_a_control_works_for_its_role_and_is_refused_once_that_is_gone(
    world, monkeypatch, page, key, action, state, before
) -> None:
    least = ACTIONS[action].least
    below = ROLES[ROLES.index(least) - 1]

    def give(role: str) -> list[str]:
        people.set_member(world, people.local("test"), 1, "pat@example.org", role, now=time.time())
        return stored(world)

    give(least)
    app = opened(claims("pat"), page, **state)
    before(app)
    standing = give(below)  # after the page was drawn: only the server can know
    with monkeypatch.context() as patch:
        for name in [name for name in sys.modules if name.startswith("pages.")]:
            if hasattr(sys.modules[name], "locked"):
                patch.setattr(f"{name}.locked", unlocked)
        press(app, key)
    assert f"takes the role {least}" in texts(app).replace("\\", "") or page == "review"
    assert stored(world) == standing
    app.run()
    shown = [each for each in app.button if (each.key or "").startswith(key) or each.label.startswith(key)]
    assert all(each.disabled and f"Takes the role {least}: ask admin@example.org" in each.help for each in shown)
    assert shown or f"Takes the role {least}" in texts(app)
    standing = give(least)
    for name, value in state.items():
        if name in app.session_state:
            app.session_state[name] = value
    app.run()
    before(app)
    press(app, key)
    assert stored(world) != standing


@pytest.mark.parametrize("page", PAGES)
def test_nothing_a_viewer_presses_changes_anything(world, page: str) -> None:
    standing = stored(world)
    sections = ({"section": name} for name in ("People and access", "Project", "Settings"))
    for state in {"feedback": ({}, CONFLICTS), "setup": ({}, *sections)}.get(page, ({},)):
        app = opened(claims("viewer"), page, **state)
        for each in [each.key or each.label for each in app.button]:
            try:
                press(app, each)
            except StopIteration:  # an earlier press has led elsewhere
                app = opened(claims("viewer"), page, **state)
                press(app, each)
    assert stored(world) == standing


@pytest.mark.parametrize("role", ROLES)
def test_every_page_opens_for_every_role(world, role: str) -> None:
    app = opened(claims(role))
    for page in PAGES:
        app.switch_page(f"{page}.py").run()
        assert not app.exception
        assert f"{role} of this project" in texts(app.sidebar)
        assert app.session_state["project"] == "points"


def test_the_decks_decisions_are_stored_for_a_reviewer_and_refused_once_the_role_is_gone(world) -> None:
    app = opened(claims("reviewer"), "review")
    first, second = dealt(app)["cards"][:2]
    project = world.projects.named("points")

    def decide(number: int, card: dict) -> AppTest:
        entry = {"seq": number, "draw": card["draw"], "item": card["item"], "version": card["version"]}
        entry |= {"verdict": "skip", "target": None, "note": "", "seconds": 1.0, "revises": False, "undoes": None}
        sent = {"client": "abc", "beat": number, "have": [], "batches": [{"client": "abc", "entries": [entry]}]}
        app.session_state[f"deck-{project.id}-reviewer@example.org"] = {"outbox": sent}
        return app.run()

    decide(1, first)
    assert world.feedback.latest(project.id, 1)[0].reviewer == "reviewer@example.org"
    people.remove_member(world, people.local("test"), project.id, "reviewer@example.org", now=time.time())
    before = world.feedback.latest(project.id, 5)
    decide(2, second)
    assert world.feedback.latest(project.id, 5) == before
    assert "You have no role here yet" in texts(app)


def test_a_project_is_shown_to_those_who_have_a_role_in_it(world) -> None:
    app = opened(claims("reviewer"))
    assert app.selectbox(key="project").options == ["points"]
    app = AppTest.from_file(str(ROOT / "pages" / "_frame.py"), default_timeout=60)
    app.user, app.query_params["project"] = claims("reviewer"), "secret"
    app.run()
    assert app.session_state["project"] == "points"
    assert "There is no project “secret” for you" in texts(app.sidebar)
    assert opened(claims("root")).selectbox(key="project").options == ["points", "secret"]


def test_a_forged_project_or_name_in_the_session_opens_nothing(world) -> None:
    app = opened(claims("reviewer"), "review", project="secret", open_project="secret", reviewer="root@example.org")
    assert app.session_state["project"] == "points"
    hand = world.draws.hand(world.projects.named("points").id, "reviewer@example.org", 0)
    assert dealt(app)["order"] == [draw.id for draw in hand]


@pytest.mark.parametrize(
    "who",
    [
        {},
        {"is_logged_in": False},
        claims("admin", is_logged_in=False),
        claims("admin", iat=time.time() - 13 * 3_600),
        claims("admin", iat=None),
        claims("admin", email_verified=False),
        claims("admin", email_verified=None),
        claims("nobody"),
    ],
)
def test_nobody_gets_past_the_door_without_a_fresh_sign_in_and_a_role(world, who) -> None:
    app = AppTest.from_file(str(ROOT / "pages" / "_frame.py"), default_timeout=60)
    app.user = who
    app.run()
    for page in PAGES:
        app.switch_page(f"{page}.py").run()
        assert not app.exception
        assert "points" not in texts(app)
        assert not app.selectbox
        assert {each.label for each in app.button} <= {"Sign in", "Sign out"}


def test_without_sign_in_everybody_here_may_do_everything(world, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDBACK_AUTH", "off")
    monkeypatch.setenv("USER", "ana")
    app = opened({}, "retrain")
    assert app.sidebar.text_input(key="reviewer").value == "ana"
    press(app, "retrain_now")
    assert world.jobs.latest(world.projects.named("points").id)[0].requested_by == "ana"
    assert "There is no sign-in" in opened({}, "setup", **ACCESS).info[0].title


def test_a_secret_is_shown_until_it_has_been_copied_and_never_again(world) -> None:
    app = opened(claims("admin"), "setup", **ACCESS)
    typed("token-name", "nightly")(app)
    press(app, "token-make")
    (secret,) = [each.value for each in app.code]
    assert people.bearer(world, secret, time.time()).name == "nightly"
    assert secret not in "".join(stored(world))
    press(app, "token-copied")
    assert not app.code
    assert not opened(claims("admin"), "setup", **ACCESS).code


def test_the_address_of_a_model_is_for_those_who_may_change_it(world) -> None:
    project = world.projects.named("points")
    where = {"url": "https://models.example.org/p?key=s3cret", "train_url": "https://models.example.org/t?key=s3cret"}
    world.outside.connect(project.id, where | {"timeout_s": 30.0, "batch": 500}, "sign", by="admin", now=1.0)
    way = {"section": "Bring a model", f"bring-way-{project.id}": "Its address"}
    shown = {
        name: [each.value for each in opened(claims(name), "setup", **way).text] for name in ("maintainer", "admin")
    }
    assert shown["maintainer"] == ["models.example.org, asked to learn at models.example.org"]
    assert shown["admin"] == [f"{where['url']}, asked to learn at {where['train_url']}"]


# Calls that change what is stored, wherever they stand in pages/.
WRITES = re.compile(
    "record|undo(_many|_rulings?)?|rule|settle|decide|world_changed|request(_\\w+)?|cancel|reweigh|judge|promote|refuse|"
    "rollback|refresh_holdout|open_session|draw_item|update|rename|archive|restore|create_project|close|save|"
    "(set|remove)_member|(create|revoke)_token|accept|dismiss|choose"
)
OWNERS = frozenset(
    {
        "loop",
        "decisions",
        "drift_alerts",
        "lineup",
        "people",
        "maps",
        "reordering",
        "projects",
        "jobs",
        "sessions",
        "loop.store",
    }
)


def test_no_code_of_a_page_changes_anything_without_asking_who_may() -> None:
    checked = 0
    for path in sorted((ROOT / "pages").rglob("*.py")):
        tree = ast.parse(path.read_text())
        parts = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)] or [tree]
        for part in parts:
            source = ast.unparse(part)
            for node in ast.walk(part):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
                    continue
                owner, _, name = ast.unparse(node.func).rpartition(".")
                if WRITES.fullmatch(name) and (owner.rpartition(".")[2] in OWNERS or name == "create_project"):
                    checked += 1
                    assert "acting(" in source or "person()" in source, f"{path.name}: {ast.unparse(node)}"
    assert checked > 30


@pytest.mark.parametrize(
    ("page", "state", "files"), [("setup", {"section": "Export"}, 3), ("overview", {}, 1), ("retrain", {}, 4)]
)
def test_a_download_is_made_for_those_who_may_have_it_when_they_press(world, monkeypatch, page, state, files) -> None:
    offered = []

    def offer(*values: object, **named: object) -> None:
        offered.append(named.get("data", values[-1]))

    monkeypatch.setattr(streamlit, "download_button", offer)
    opened(claims("viewer"), page, **state)  # by way of the overview, which offers one
    assert len(offered) == files

    def pressed(produce: Callable[[], object]) -> object:
        with ThreadPoolExecutor(1) as presses:  # Streamlit's presses too run in a thread without a session
            return presses.submit(produce).result()

    assert all(len(pressed(produce)) > 100 for produce in offered)
    people.remove_member(world, people.local("test"), 1, "viewer@example.org", now=time.time())
    for produce in offered:
        with pytest.raises(Forbidden, match=r"viewer@example\.org has no role"):
            pressed(produce)


def test_what_runs_alone_on_a_page_asks_first_who_may_see_it() -> None:
    found = 0
    for path in sorted((ROOT / "pages").rglob("*.py")):
        tree = ast.parse(path.read_text())
        alone = {
            ast.unparse(node.args[0])
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.fragment" and node.args
        }
        for part in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            decorated = any(ast.unparse(each).startswith("st.fragment") for each in part.decorator_list)
            if decorated or part.name in alone:
                found += 1
                body = part.body[1:] if ast.get_docstring(part) else part.body
                first = "\n".join(ast.unparse(each) for each in body[:2])
                assert re.search(r"\b(stay|acting)\(", first), f"{path.name}: {part.name}"
    assert found == sum(path.read_text().count("st.fragment") for path in (ROOT / "pages").rglob("*.py"))
    assert found > 8


def test_the_document_says_of_every_role_what_the_table_says() -> None:
    text = (ROOT / "docs" / "people.md").read_text()
    for role in ROLES:
        says = "; ".join(action.says for action in ACTIONS.values() if action.least == role)
        assert f"| {role} | {says} |" in text
    assert "docs/people.md" in (ROOT / "README.md").read_text()
