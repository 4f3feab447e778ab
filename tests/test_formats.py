"""Files of other programs: what goes out comes back the same in every format; hostile files are refused in words."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedback_core import incoming, intake, outgoing
from feedback_core.formats import FORMATS
from feedback_core.loop import Loop, create_project, silent
from feedback_core.settings import Settings
from feedback_core.store import open_store
from feedback_core.types import Column, Decision, Rows, Schema

TEXTS = Schema((Column("definition", "text"), Column("length", "number")))
BOTH = [name for name in FORMATS if FORMATS[name].read is not None and FORMATS[name].write is not None]
"""Formats that go out and come back."""


def project_of_texts(store, name="texts", labels=("noun", "verb"), schema=TEXTS, **given):
    values = {"holdout_share": 0.05, "audit_share": 0.0, "blind_share": 0.0} | given
    return create_project(store, name, schema, labels, Settings(**values), actor="test", now=1.0, salt=1)


def loop_of_texts(store, clock, texts, name="texts", labels=("noun", "verb"), **given) -> Loop:
    """A loop over texts. texts: base label by text, None for the pool."""
    loop = Loop(store, project_of_texts(store, name, labels, **given), clock=clock, rng=np.random.default_rng(0))
    bodies = [intake.encode_one([text, len(text)], TEXTS) for text in texts]
    loop.add_items(Rows(bodies, [None] * len(bodies), list(texts.values())), "test")
    return loop


def said(loop, by, answers, verdict="correct") -> None:
    """Record labels by text."""
    items = {item.values[0]: item for item in next(loop.store.items.export(loop.project.id))}
    for text, label in answers.items():
        loop.record(Decision(items[text].id, by, verdict, label, version_id=items[text].version_id))


def written(loop, format, **options) -> bytes:
    return b"".join(outgoing.pieces(loop.store, loop.project, "items", format, **options))


def choices(format, **given):
    return incoming.Choices(format, **given)


def taken(loop, data: bytes, format: str, **given) -> incoming.Taken:
    return incoming.take(loop, io.BytesIO(data), choices(format, **given), "ana", len(data), silent)


def looked(loop, data: bytes, format: str, **given) -> incoming.Look:
    return incoming.look(loop.store, loop.project, io.BytesIO(data), choices(format, **given))


def labels(loop) -> dict[str, tuple]:
    """Text -> split, label, and who said what."""
    found = {}
    for items in loop.store.items.export(loop.project.id):
        entries = loop.store.feedback.of_items([item.id for item in items])
        for item in items:
            who = {(each.reviewer, each.target) for each in entries[item.id] if each.state == "accepted"}
            found[item.values[0]] = (item.split, item.label or item.base_label, who)
    return found


@pytest.fixture
def full(store, clock) -> Loop:
    """Base data, open items, answers of two people, a skip."""
    texts = {"a dog": "noun", "to run": "verb", "a cat": None, "to sit": None, "a wolf": None, "to hide": None}
    loop = loop_of_texts(store, clock, texts)
    said(loop, "ana", {"a cat": "noun", "to sit": "verb", "a wolf": "noun"})
    said(loop, "ben", {"a cat": "noun", "to sit": "noun"})
    said(loop, "ben", {"a wolf": None}, "skip")
    return loop


def another(loop, clock, **given) -> Loop:
    """An empty project of the same kind."""
    return Loop(loop.store, project_of_texts(loop.store, "another", **given), clock=clock)


# -- every format --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_says_what_it_is_and_writes_in_pieces(full, name):
    format = FORMATS[name]
    assert format.title
    assert format.help.endswith(".")
    assert format.extension.startswith(".")
    assert "/" in format.mime
    if format.write is not None:
        assert len(written(full, name)) > 50


@pytest.mark.parametrize("name", BOTH)
def test_what_goes_out_comes_back_with_everybodys_answers(full, clock, name):
    fresh = another(full, clock)
    result = taken(fresh, written(full, name), name)
    assert labels(fresh) == labels(full)
    assert (result.items, result.entries, result.report.problems) == (6, 6, [])
    assert labels(fresh)["to sit"] == ("pool", None, {("ana", "verb"), ("ben", "noun")})


@pytest.mark.parametrize("name", BOTH)
def test_a_file_is_taken_in_once_however_often_it_is_sent(full, clock, name):
    fresh, data = another(full, clock), written(full, name)
    taken(fresh, data, name)
    before = labels(fresh)
    again = taken(fresh, data, name)
    assert (again.items, again.entries, again.back) == (0, 0, 6)
    assert labels(fresh) == before
    assert len(fresh.store.feedback.latest(fresh.project.id, 100)) == 6


@pytest.mark.parametrize("name", BOTH)
def test_a_look_says_what_taking_in_then_does(full, clock, name):
    fresh, data = another(full, clock), written(full, name)
    look = looked(fresh, data, name)
    assert (look.new, look.entries, look.votes, look.known, look.stopped) == (6, 6, 2, 0, "")
    assert look.report.people == {"ana": 3, "ben": 3}
    assert "a dog" in {row["definition"] for row in look.first}
    assert labels(fresh) == {}
    taken(fresh, data, name)
    after = looked(fresh, data, name)
    assert (after.new, after.entries, after.back, after.known) == (0, 0, 6, look.report.records)
    assert after.empty


@pytest.mark.parametrize("name", BOTH)
def test_peoples_answers_can_become_base_truth_unlabelled_where_they_differ(full, clock, name):
    fresh = another(full, clock)
    taken(fresh, written(full, name), name, become="labels")
    assert labels(fresh) == {
        "a dog": ("train", "noun", set()),
        "to run": ("train", "verb", set()),
        "a cat": ("train", "noun", set()),
        "a wolf": ("train", "noun", set()),
        "to sit": ("pool", None, set()),
        "to hide": ("pool", None, set()),
    }


@pytest.mark.parametrize("name", BOTH)
def test_a_file_that_comes_back_to_its_own_project_changes_nothing(full, name):
    before, entries = labels(full), len(full.store.feedback.latest(full.project.id, 100))
    result = taken(full, written(full, name), name)
    assert labels(full) == before
    assert (result.items, result.entries, result.back) == (0, 0, 6)
    assert len(full.store.feedback.latest(full.project.id, 100)) == entries


@pytest.mark.parametrize("name", BOTH)
def test_unknown_labels_are_named_and_taken_in_once_they_are_labels(full, clock, name):
    fresh = another(full, clock, labels=("noun", "adverb"))
    look = looked(fresh, written(full, name), name)
    assert look.report.unknown == {"verb": 2}
    assert "is not a label of this project" in look.report.problems[0].what
    result = taken(fresh, written(full, name), name, new_labels=("verb",))
    assert fresh.store.projects.named("another").labels == ("noun", "adverb", "verb")
    assert (result.entries, result.report.unknown) == (6, {})


@pytest.mark.parametrize("name", BOTH)
def test_a_hidden_prediction_goes_out_only_on_request(trained_texts, name):
    loop = trained_texts
    hidden = next(item for item in loop.store.items.export(loop.project.id) for item in item if item.split == "pool")
    with loop.store.items._driver.writing() as session:
        session.execute("update items set audit = 1 where id = ?", (hidden.id,))
    both = another_reading(loop, name, hidden=True)
    told = another_reading(loop, name)
    assert {place for place, n in both.items() if n} - {place for place, n in told.items() if n} == {hidden.values[0]}


@pytest.fixture
def trained_texts(store, clock) -> Loop:
    """Twenty texts of each label learned, three open ones predicted."""
    texts = {f"a thing{n}": "noun" for n in range(20)} | {f"to do{n}": "verb" for n in range(20)}
    loop = loop_of_texts(store, clock, texts | {"a door": None, "to open": None, "a key": None})
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    return loop


def another_reading(loop, name, **options) -> dict[str, int]:
    """Text -> predictions in the file."""
    read = FORMATS[name].read
    records = read(io.BytesIO(written(loop, name, **options)), loop.project)
    return {record.values["definition"]: len(record.guesses) for record in records}


@pytest.mark.parametrize("name", BOTH)
def test_predictions_go_along_with_their_version_and_score(trained_texts, clock, name):
    loop = trained_texts
    shown = {item.values[0]: item for item in next(loop.store.items.export(loop.project.id)) if item.predicted}
    records = FORMATS[name].read(io.BytesIO(written(loop, name)), loop.project)
    guesses = {record.values["definition"]: record.guesses[0] for record in records if record.guesses}
    assert {"a door", "to open", "a key"} <= set(guesses)
    for text, guess in guesses.items():
        assert (guess.label, guess.version) == (shown[text].predicted, "v1")
        assert guess.score == pytest.approx(shown[text].confidence, abs=1e-6)


LABELS = st.sampled_from(["noun", "verb"])
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    str.strip
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(WORDS, st.none() | LABELS, min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["ana", "ben", "Zoë Ö"]), LABELS), max_size=8),
)
def test_any_project_comes_back_with_the_same_effective_labels(tmp_path_factory, texts, answers):
    from tests.conftest import Clock

    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('round')}/test.db")
    loop = loop_of_texts(store, Clock(), texts)
    pool = [item for items in loop.store.items.export(loop.project.id) for item in items if item.split == "pool"]
    for place, by, label in answers if pool else ():
        loop.record(Decision(pool[place % len(pool)].id, by, "correct", label))
    for name in BOTH:
        project = project_of_texts(store, f"back from {name}")
        fresh = Loop(store, project, clock=Clock())
        result = taken(fresh, written(loop, name), name)
        assert result.report.problems == []
        assert labels(fresh) == labels(loop), name
