"""Roles, members and tokens: who may do what, who has said so, and that no secret is kept anywhere."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_core import environment, people, permissions
from feedback_core.errors import Forbidden, InvalidInput, InvalidSetting, NotFound, NotSignedIn, Stale
from feedback_core.permissions import ACTIONS
from feedback_core.types import ROLES, Person
from tests.conftest import make_loop

ME = people.local("ann")
NOBODY = {"admins": frozenset(), "default_role": ""}
ANA = {"email": "Ana@Example.org", "email_verified": True, "sub": "7", "iss": "https://id.example.org"}

roles = st.sampled_from([None, *ROLES])
persons = st.builds(
    Person,
    name=st.just("p"),
    subject=st.just("p"),
    signed_in=st.just("oidc"),
    everywhere=roles,
    roles=st.dictionaries(st.integers(1, 3), st.sampled_from(ROLES)),
)


# -- the table ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
def test_a_higher_role_may_whatever_a_lower_one_may(action):
    may = [permissions.allowed(role, action) for role in (None, *ROLES)]
    assert may == sorted(may)
    assert (may[0], may[-1]) == (False, True)


def test_each_role_may_more_than_the_one_before():
    counts = [sum(permissions.allowed(role, action) for action in ACTIONS) for role in ROLES]
    assert all(fewer < more for fewer, more in pairwise(counts))


@pytest.mark.parametrize(
    ("action", "role"),
    [
        ("see", "viewer"),
        ("review", "reviewer"),
        ("submit", "reviewer"),
        ("undo others", "maintainer"),
        ("promote", "maintainer"),
        ("settings", "maintainer"),
        ("members", "admin"),
        ("tokens", "admin"),
        ("webhooks", "admin"),
    ],
)
def test_an_action_takes_at_least_this_role(action, role):
    assert ACTIONS[action].least == role


@pytest.mark.parametrize("action", ["members", "tokens"])
def test_what_only_people_may_no_token_may_whatever_its_role(action):
    token = Person("token:t", "1", "token", everywhere="admin")
    assert not permissions.may(token, 1, action)
    assert not permissions.may_somewhere(token, action)
    assert permissions.may(Person("p", "p", "oidc", everywhere="admin"), 1, action)
    assert permissions.may(token, 1, "see access")


def test_an_action_that_is_not_in_the_table_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        permissions.allowed("admin", "fly")


@given(persons, st.integers(1, 3), st.sampled_from(sorted(ACTIONS)), st.sampled_from(ROLES))
def test_a_further_role_never_takes_anything_away(person, project, action, more):
    richer = Person("p", "p", "oidc", permissions.higher(person.everywhere, more), person.roles)
    assert permissions.may(richer, project, action) or not permissions.may(person, project, action)
    assert permissions.may_somewhere(person, action) == any(
        permissions.may(person, each, action) for each in (None, *person.roles)
    )


@given(persons, st.integers(1, 3), st.sampled_from(sorted(ACTIONS)))
def test_what_is_not_allowed_is_refused_with_who_what_role_and_whom_to_ask(person, project, action):
    if permissions.may(person, project, action):
        permissions.check(person, project, action)
        return
    with pytest.raises(Forbidden) as refused:
        permissions.check(person, project, action, where="'points'", ask=["eve@x.org"])
    words = str(refused.value)
    assert all(part in words for part in ("p ", "'points'", ACTIONS[action].says, ACTIONS[action].least, "eve@x.org"))


def test_a_refusal_reads_as_a_sentence():
    person = Person("bob@x.org", "bob@x.org", "oidc", roles={3: "reviewer"})
    assert permissions.refusal(person, 3, "retrain", where="'points'", ask=["eve@x.org", "max@x.org"]) == (
        "bob@x.org is reviewer in 'points' and may not ask for a new version: that takes the role maintainer. "
        "Ask eve@x.org or max@x.org for it."
    )
    assert permissions.refusal(person, 4, "see").startswith("bob@x.org has no role in project 4 and may not look at")


# -- who somebody is ---------------------------------------------------------------------------------------------------


def test_whoever_sits_at_this_machine_is_admin_under_the_name_they_give():
    assert all(permissions.may(ME, project, action) for action in ACTIONS for project in (None, 1))
    assert people.acting(ME, "max") == "max"


def test_a_verified_address_is_who_somebody_is_whatever_its_case():
    assert people.subject_of(ANA) == "ana@example.org"


@pytest.mark.parametrize("verified", [False, None, "false", 1, "yes"])
def test_an_address_that_nobody_has_verified_is_not(verified):
    assert people.subject_of(ANA | {"email_verified": verified}) == "https://id.example.org|7"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"email": "boſs@two.org"}, {"email": "boss@two.org"}),
        ({"email": "\u212aim@x.org"}, {"email": "kim@x.org"}),
        ({"email": "groß@x.org"}, {"email": "gross@x.org"}),
        ({"email": "İan@x.org"}, {"email": "i\u0307an@x.org"}),
        ({"email": "boss@two.org\u2003"}, {"email": "boss@two.org"}),
        ({"email": None, "sub": "AbC@x"}, {"email": None, "sub": "abc@x"}),
        ({"email": None, "sub": "7 "}, {"email": None, "sub": "7"}),
        ({"email": "https://id.example.org|7@x.org"}, {"email": None, "sub": "7@x.org"}),
    ],
)
def test_two_who_are_different_to_the_provider_are_different_here(one, other):
    if one["email"] == "https://id.example.org|7@x.org":  # an address like that is not taken for one at all
        assert people.subject_of(ANA | one) == "https://id.example.org|7"
    assert people.subject_of(ANA | one) != people.subject_of(ANA | other)


@given(st.text(max_size=300), st.text(min_size=1, max_size=300), st.text(max_size=300))
def test_whoever_signs_in_is_somebody_who_can_be_given_a_role(iss, sub, email):
    subject = people.subject_of({"iss": iss, "sub": sub, "email": email, "email_verified": True})
    assert people._subject(subject) == subject
    assert not subject.startswith("token:") or "|" in subject


def test_an_identifier_too_long_to_keep_gets_in_by_its_hash_and_is_admin_by_its_whole(store):
    long = {"iss": "https://login.example/" + "t" * 100, "sub": "s" * 100}
    person = people.signed_in(store, long, admins=frozenset({f"{long['iss']}|{long['sub']}"}), default_role="")
    assert person.everywhere == "admin"
    assert len(person.subject) == len("sha256|") + 64
    assert person.subject != people.subject_of(long | {"sub": "s" * 99 + "t"})


def test_one_bad_entry_among_the_admins_keeps_nobody_out(store, caplog):
    bad = "a" * 201
    person = people.signed_in(store, ANA, admins=frozenset({bad, "ana@example.org"}), default_role="")
    assert person.everywhere == "admin"
    assert "FEEDBACK_ADMINS" in caplog.text
    assert people.listed_admins([bad, "B@x.org"]) == {"b@x.org"}


def test_a_sign_in_that_names_nobody_is_refused():
    with pytest.raises(NotSignedIn, match="names nobody"):
        people.subject_of({"email": "ana@example.org"})


def test_somebody_who_signed_in_has_no_role_until_they_are_given_one(store, loop, clock):
    person = people.signed_in(store, ANA, **NOBODY)
    assert (person.name, person.everywhere, dict(person.roles)) == ("ana@example.org", None, {})
    assert people.visible(person, store.projects.all()) == []
    with pytest.raises(Forbidden, match="has no role in what you ask for"):
        people.require(store, person, loop.project, "see")


def test_the_highest_role_counts_of_all_that_were_given(store, loop, clock):
    other = make_other(store, clock)
    people.set_member(store, ME, None, "ANA@example.org ", "viewer", now=1.0)
    people.set_member(store, ME, loop.project.id, "ana@example.org", "maintainer", now=2.0)
    person = people.signed_in(store, ANA, **NOBODY)
    assert permissions.role_in(person, loop.project.id) == "maintainer"
    assert permissions.role_in(person, other.id) == "viewer"
    assert permissions.role_in(people.signed_in(store, ANA, admins=frozenset(), default_role="reviewer"), other.id) == (
        "reviewer"
    )
    assert people.signed_in(store, ANA, admins=frozenset({"Ana@example.ORG"}), default_role="").everywhere == "admin"


def test_a_default_role_that_is_none_is_refused_by_the_name_of_the_variable(store):
    with pytest.raises(InvalidSetting, match="FEEDBACK_DEFAULT_ROLE: role='boss' is not known"):
        people.signed_in(store, ANA, admins=frozenset(), default_role="boss")


def test_a_refusal_names_the_admins_of_the_project_and_not_those_of_others(store, loop, clock, monkeypatch):
    monkeypatch.setenv("FEEDBACK_ADMINS", " Root@x.org,")
    other = make_other(store, clock)
    people.set_member(store, ME, loop.project.id, "own@x.org", "admin", now=1.0)
    people.set_member(store, ME, other.id, "foreign@x.org", "admin", now=1.0)
    people.set_member(store, ME, loop.project.id, "ana@example.org", "viewer", now=1.0)
    person = people.signed_in(store, ANA)
    with pytest.raises(Forbidden) as refused:
        people.require(store, person, loop.project.id, "retrain")
    assert "Ask own@x.org or root@x.org for it" in str(refused.value)
    assert "is viewer in 'points'" in str(refused.value)


# -- changes -----------------------------------------------------------------------------------------------------------


def make_other(store, clock):
    project = store.projects.get(1) if store.projects.all() else make_loop(store, clock).project
    return store.projects.create(
        "other", project.schema, project.labels, project.settings, salt=2, now=clock(), actor="test"
    )


def test_every_change_of_a_role_is_told_with_what_was_before(store, loop):
    people.set_member(store, ME, loop.project.id, "bob@x.org", "viewer", name="Bob", now=5.0)
    again = people.set_member(store, ME, loop.project.id, "bob@x.org", "admin", now=6.0)
    people.remove_member(store, ME, loop.project.id, "BOB@x.org", now=7.0)
    assert (again.name, again.role, again.added_by) == ("Bob", "admin", "ann")
    told = store.events.latest(loop.project.id, 3)[::-1]
    assert [(each.at, each.actor, each.kind, each.details) for each in told] == [
        (5.0, "ann", "member set", {"subject": "bob@x.org", "role": "viewer", "before": None}),
        (6.0, "ann", "member set", {"subject": "bob@x.org", "role": "admin", "before": "viewer"}),
        (7.0, "ann", "member removed", {"subject": "bob@x.org", "before": "admin"}),
    ]
    assert store.members.history(0, 10) == []
    with pytest.raises(NotFound, match=r"'bob@x.org' has been given no role in project 1"):
        people.remove_member(store, ME, loop.project.id, "bob@x.org", now=8.0)


def test_what_concerns_no_single_project_has_a_trail_that_nobody_can_change(store):
    people.set_member(store, ME, None, "bob@x.org", "viewer", now=5.0)
    token, _ = people.create_token(store, ME, None, "ci", "viewer", now=6.0)
    people.revoke_token(store, ME, token.id, now=7.0)
    assert [(each.at, each.kind) for each in store.members.history(0, 10)] == [
        (5.0, "member set"),
        (6.0, "token created"),
        (7.0, "token revoked"),
    ]
    assert [each.id for each in store.members.history(1, 1)] == [2]
    for statement in ("delete from admin_events", "update admin_events set actor = 'nobody'", "delete from tokens"):
        with pytest.raises(Exception, match="audit trail"), store.members._driver.writing() as session:
            session.execute(statement)
    for statement, why in (
        ("update tokens set role = 'admin'", "keeps its scope"),
        ("update tokens set revoked_at = null", "stays revoked"),
    ):
        with pytest.raises(Exception, match=why), store.members._driver.writing() as session:
            session.execute(statement)


@pytest.mark.parametrize("subject", ["", "  ", "a\nb", "x" * 201])
def test_a_role_is_given_to_somebody(store, subject):
    with pytest.raises(InvalidInput, match="is nobody"):
        people.set_member(store, ME, None, subject, "viewer", now=1.0)


@pytest.mark.parametrize("subject", ["not mail", "bob", "@x.org", "bob@", "b ob@x.org", "bob@x@y.org", "issuer|"])
def test_a_role_is_given_to_whom_a_sign_in_may_name(store, subject):
    with pytest.raises(InvalidInput, match=r"e-mail address .* or issuer\|subject"):
        people.set_member(store, ME, None, subject, "viewer", now=1.0)
    assert store.members.of(None) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"role": "boss"}, "role='boss' is not known: use one of viewer, reviewer, maintainer, admin"),
        ({"name": " "}, "is no name for a token"),
        ({"name": "a\x00b"}, "is no name for a token"),
        ({"name": "x" * 61}, "is no name for a token"),
        ({"days": 0}, "days=0 is no time for a token"),
        ({"days": float("nan")}, "days=nan is no time for a token"),
        ({"days": 4_000}, "days=4000 is no time for a token"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(store, change, what):
    with pytest.raises(InvalidInput, match=what):
        people.create_token(store, ME, None, **({"name": "ci", "role": "viewer", "now": 1.0} | change))
    assert store.tokens.all() == []


def test_a_role_or_token_in_a_project_that_does_not_exist_is_refused(store):
    with pytest.raises(NotFound, match="no project 9"):
        people.set_member(store, ME, 9, "bob@x.org", "viewer", now=1.0)
    with pytest.raises(NotFound, match="no project 9"):
        people.create_token(store, ME, 9, "ci", "viewer", now=1.0)


def signed(store, email):
    return people.signed_in(store, {"email": email, "email_verified": True}, **NOBODY)


def live(store):
    return {each.name for each in store.tokens.all() if each.revoked_at is None}


@pytest.mark.parametrize("change", ["lower", "remove"])
def test_who_is_admin_no_longer_leaves_no_token_behind(store, loop, clock, change):
    here, other = loop.project.id, make_other(store, clock)
    for subject, place in (("eve@x.org", here), ("eve@x.org", other.id), ("max@x.org", here)):
        people.set_member(store, ME, place, subject, "admin", now=1.0)
    people.create_token(store, signed(store, "eve@x.org"), here, "eve's", "admin", now=2.0)
    people.create_token(store, signed(store, "eve@x.org"), other.id, "eve's other", "viewer", now=2.0)
    people.create_token(store, signed(store, "max@x.org"), here, "max's", "admin", now=2.0)
    if change == "lower":
        done = people.set_member(store, ME, here, "eve@x.org", "maintainer", now=3.0)
    else:
        done = people.remove_member(store, ME, here, "eve@x.org", now=3.0)
    assert done.ended == ("eve's",)
    assert people.ended(done) == " Tokens they had made are revoked: eve's."
    assert live(store) == {"eve's other", "max's"}
    newest = store.events.latest(here, 1)[0]
    assert (newest.kind, newest.actor, newest.details["made_by"]) == ("token revoked", "ann", "eve@x.org")


def test_a_role_in_all_projects_that_ends_takes_along_tokens_everywhere_but_where_they_are_admin_still(
    store, loop, clock, monkeypatch
):
    other = make_other(store, clock)
    people.set_member(store, ME, None, "eve@x.org", "admin", now=1.0)
    people.set_member(store, ME, other.id, "eve@x.org", "admin", now=1.0)
    eve = signed(store, "eve@x.org")
    for place, name in ((None, "all"), (loop.project.id, "here"), (other.id, "other")):
        people.create_token(store, eve, place, name, "viewer", now=2.0)
    assert people.set_member(store, ME, None, "eve@x.org", "admin", now=3.0).ended == ()
    monkeypatch.setenv("FEEDBACK_ADMINS", "Eve@x.org")
    assert people.set_member(store, ME, None, "eve@x.org", "viewer", now=3.0).ended == (), "admin by the settings"
    monkeypatch.delenv("FEEDBACK_ADMINS")
    assert set(people.remove_member(store, ME, None, "eve@x.org", now=4.0).ended) == {"all", "here"}
    assert live(store) == {"other"}


def test_an_admin_of_one_project_changes_nothing_elsewhere(store, loop, clock):
    other = make_other(store, clock)
    eve = Person("eve@x.org", "eve@x.org", "oidc", roles={loop.project.id: "admin"})
    people.set_member(store, eve, loop.project.id, "bob@x.org", "viewer", now=1.0)
    mine, _ = people.create_token(store, eve, loop.project.id, "mine", "admin", now=1.0)
    theirs, _ = people.create_token(store, ME, other.id, "theirs", "viewer", now=1.0)
    for place in (None, other.id):
        with pytest.raises(Forbidden, match="give people roles"):
            people.set_member(store, eve, place, "bob@x.org", "viewer", now=1.0)
        with pytest.raises(Forbidden, match="give people roles"):
            people.remove_member(store, eve, place, "bob@x.org", now=1.0)
        with pytest.raises(Forbidden, match="make tokens"):
            people.create_token(store, eve, place, "more", "viewer", now=1.0)
    with pytest.raises(Forbidden, match="make tokens"):
        people.revoke_token(store, eve, theirs.id, now=1.0)
    people.revoke_token(store, eve, mine.id, now=1.0)
    assert [each.revoked_by for each in store.tokens.all()] == [None, "eve@x.org"]


# -- tokens ------------------------------------------------------------------------------------------------------------


def test_a_token_is_known_by_its_secret_until_it_ends_or_is_revoked(store):
    token, secret = people.create_token(store, ME, None, "ci", "maintainer", days=2, now=1_000.0)
    assert token.expires_at == 1_000 + 2 * 86_400
    assert people.bearer(store, secret, token.expires_at - 1) == token
    with pytest.raises(NotSignedIn, match="'ci' is over"):
        people.bearer(store, secret, token.expires_at)
    people.revoke_token(store, ME, token.id, now=1_001.0)
    with pytest.raises(NotSignedIn, match="'ci' is revoked"):
        people.bearer(store, secret, 1_002.0)
    with pytest.raises(Stale, match="revoked already"):
        people.revoke_token(store, ME, token.id, now=1_003.0)
    with pytest.raises(NotFound, match="no token 9"):
        people.revoke_token(store, ME, 9, now=1_003.0)


@pytest.mark.parametrize("wrong", ["", "afl_", "afl_nonsense", "ci"])
def test_an_unknown_secret_is_refused_without_repeating_it(store, wrong):
    _, secret = people.create_token(store, ME, None, "ci", "maintainer", now=1.0)
    for given_ in (wrong, secret[:-1], secret + "x", secret.upper()):
        with pytest.raises(NotSignedIn, match="not known here") as refused:
            people.bearer(store, given_, 2.0)
        assert secret[:-1] not in str(refused.value)


def test_a_secret_has_256_bits_and_is_never_the_same(store):
    made = [people.create_token(store, ME, None, f"t{n}", "viewer", now=1.0) for n in range(20)]
    assert len({secret for _, secret in made}) == 20
    assert all(secret.startswith("afl_") and len(secret) == 4 + 43 for _, secret in made)
    assert all(secret.startswith(token.prefix) and len(token.prefix) == 8 for token, secret in made)


def test_the_secret_is_nowhere_in_the_database_and_no_noun_holds_it(store, url):
    token, secret = people.create_token(store, ME, None, "ci", "viewer", now=1.0)
    assert secret not in repr([token, *(getattr(token, field.name) for field in fields(token))])
    folder = Path(url.removeprefix("sqlite:///")).parent
    kept = b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())
    assert people.hashed(secret).encode() in kept
    assert secret[8:].encode() not in kept


def test_a_name_is_used_for_one_token_ever(store):
    token, _ = people.create_token(store, ME, None, "ci", "viewer", now=1.0)
    people.revoke_token(store, ME, token.id, now=2.0)
    with pytest.raises(InvalidInput, match="'ci' was made before"):
        people.create_token(store, ME, None, " ci", "viewer", now=3.0)


def test_a_token_bears_a_name_that_no_person_can_have(store, loop):
    token, _ = people.create_token(store, ME, loop.project.id, "ana@example.org", "reviewer", now=1.0)
    person = people.person_of(token)
    assert (person.name, person.everywhere, dict(person.roles)) == (
        "token:ana@example.org",
        None,
        {loop.project.id: "reviewer"},
    )
    with pytest.raises(Forbidden, match=r"may not act for 'ana@example\.org'"):
        people.acting(person, "ana@example.org")
    assert people.acting(person, None) == people.acting(person, person.name) == person.name


def test_only_a_token_made_for_it_acts_for_others(store):
    token, _ = people.create_token(store, ME, None, "app", "reviewer", may_act_for_others=True, now=1.0)
    assert people.acting(people.person_of(token), "ana") == "ana"


def test_the_last_use_is_written_once_a_minute(store):
    token, _ = people.create_token(store, ME, None, "ci", "viewer", now=1.0)
    seen = []
    for now in (100.0, 130.0, 160.0, 161.0, 220.0):
        store.tokens.touch(token.id, now, people.USED_EVERY_S)
        seen.append(store.tokens.get(token.id).last_used_at)
    assert seen == [100.0, 100.0, 160.0, 160.0, 220.0]


# -- whether anybody signs in ------------------------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The user's folder and the present one, each with a .streamlit folder and no secrets."""
    found = tmp_path / "home", tmp_path / "here"
    for folder in found:
        (folder / ".streamlit").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(found[0]))
    monkeypatch.chdir(found[1])
    monkeypatch.delenv("FEEDBACK_AUTH", raising=False)
    return found


def test_nobody_signs_in_unless_something_says_so(places):
    assert not environment.sign_in()
    (places[1] / ".streamlit" / "secrets.toml").write_text('[connections]\nurl = "x"\n')
    assert not environment.sign_in()


@pytest.mark.parametrize("which", [0, 1])
def test_a_section_auth_among_the_secrets_turns_sign_in_on(places, which, monkeypatch):
    (places[which] / ".streamlit" / "secrets.toml").write_text('[auth]\nclient_secret = "hush"\n')
    assert environment.sign_in()
    monkeypatch.setenv("FEEDBACK_AUTH", "off")
    assert not environment.sign_in()


def test_it_can_be_required_for_tokens_alone(places, monkeypatch):
    monkeypatch.setenv("FEEDBACK_AUTH", " Required ")
    assert environment.sign_in()


def test_a_word_that_is_neither_is_refused(places, monkeypatch):
    monkeypatch.setenv("FEEDBACK_AUTH", "yes")
    with pytest.raises(InvalidSetting, match="FEEDBACK_AUTH='yes' is not known: use required or off"):
        environment.sign_in()


def test_secrets_that_cannot_be_read_are_no_reason_to_let_everybody_in_and_are_not_repeated(places):
    (places[1] / ".streamlit" / "secrets.toml").write_text('[auth\nclient_secret = "hush"\n')
    with pytest.raises(InvalidSetting, match="cannot be read as TOML") as refused:
        environment.sign_in()
    assert "hush" not in str(refused.value)


def test_admins_are_named_with_commas_between(monkeypatch):
    monkeypatch.setenv("FEEDBACK_ADMINS", " a@x.org ,, b@x.org")
    assert environment.admins() == {"a@x.org", "b@x.org"}
