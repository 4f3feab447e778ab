"""Roles and tokens on the command line, which has the database file in hand and is admin by that."""

from __future__ import annotations

import json
import time

import pytest
from typer.testing import CliRunner

from feedback_core import people
from feedback_core.cli import app
from feedback_core.errors import InvalidInput, NotFound, Stale
from tests.conftest import make_loop


@pytest.fixture
def run(url, monkeypatch):
    """A command on a fresh database: what it prints, beside what it says."""
    monkeypatch.setenv("FEEDBACK_DATABASE", url)
    monkeypatch.setenv("FEEDBACK_AUTH", "required")

    def command(*words: str):
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done

    return command


def test_a_role_is_given_listed_changed_and_taken_away(run, store, clock):
    project = make_loop(store, clock).project
    assert run("member-set", "Ana@X.org", "reviewer").stdout == "ana@x.org is reviewer in all projects.\n"
    run("member-set", "bob@x.org", "admin", "--project", "points", "--name", "Bob", "--by", "eve")
    listed = json.loads(run("members", "--project", "points", "--json").stdout)
    assert [(each["subject"], each["role"], each["project_id"], each["name"]) for each in listed] == [
        ("ana@x.org", "reviewer", None, ""),
        ("bob@x.org", "admin", project.id, "Bob"),
    ]
    assert [each["subject"] for each in json.loads(run("members", "--json").stdout)] == ["ana@x.org"]
    assert [line.split()[:3] for line in run("members", "--project", "points").stdout.splitlines()[1:]] == [
        ["ana@x.org", "reviewer", "all"],
        ["bob@x.org", "admin", "points"],
    ]
    told = run("member-remove", "bob@x.org", "--project", "points", "--by", "eve").stdout
    assert told == "bob@x.org is no longer admin in points.\n"
    assert "bob@x.org" not in run("members", "--project", "points").stdout
    assert [(each.actor, each.kind) for each in store.events.latest(project.id, 2)] == [
        ("eve", "member removed"),
        ("eve", "member set"),
    ]


def test_the_secret_stands_alone_on_standard_output_and_in_no_list(run, store):
    made = run("token-create", "--name", "nightly", "--role", "maintainer", "--days", "2", "--acts-for-others")
    secret = made.stdout.strip()
    token = people.bearer(store, secret, time.time())
    assert (token.name, token.role, token.may_act_for_others) == ("nightly", "maintainer", True)
    assert token.expires_at - token.created_at == 2 * 86_400
    assert "Nobody can show it again" in made.stderr
    assert "maintainer in all projects until" in made.stderr
    listed = run("tokens").stdout + run("tokens", "--json").stdout + run("members", "--log").stdout
    assert secret[8:] not in listed
    assert secret[:8] in listed
    assert "never" in run("tokens").stdout


def test_the_log_of_changes_is_words_and_dates(run, store):
    run("member-set", "ana@x.org", "reviewer", "--by", "eve")
    run("member-set", "ana@x.org", "viewer", "--by", "eve")
    day = 86_400.0
    people.create_token(store, people.local("eve"), None, "ci", "viewer", days=1, now=100 * day)
    first, second, third = (line.split("  ")[-1].strip() for line in run("members", "--log").stdout.splitlines()[1:])
    assert (first, second) == ("who ana@x.org, role reviewer", "who ana@x.org, role viewer, instead of reviewer")
    assert third.startswith("token 1, name ci, prefix afl_")
    assert third.endswith(", role viewer, ends 1970-04-12 00:00 UTC")


def test_a_token_is_revoked_once(run, store):
    made = json.loads(run("token-create", "--name", "ci", "--role", "viewer", "--json", "--by", "eve").stdout)
    assert run("token-revoke", str(made["id"]), "--by", "max").stdout == "Token 1 (ci) is revoked.\n"
    with pytest.raises(Stale):
        run("token-revoke", "1")
    log = json.loads(run("members", "--log", "--json").stdout)
    assert [(each["actor"], each["kind"]) for each in log] == [("eve", "token created"), ("max", "token revoked")]
    assert made["secret"] not in json.dumps(log)


def test_what_makes_no_sense_is_refused_with_the_choices(run):
    with pytest.raises(InvalidInput, match="role='boss' is not known: use one of viewer, reviewer, maintainer, admin"):
        run("member-set", "ana@x.org", "boss")
    with pytest.raises(NotFound, match="no project 'nope'"):
        run("token-create", "--name", "ci", "--role", "viewer", "--project", "nope")
    with pytest.raises(NotFound, match=r"'ana@x\.org' has been given no role in all projects"):
        run("member-remove", "ana@x.org")
