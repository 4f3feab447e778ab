"""Files of other programs: what goes out comes back the same in every format; hostile files are refused in words."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedback_core import incoming, intake, outgoing
from feedback_core.errors import FeedbackError, InvalidFile, InvalidInput
from feedback_core.formats import FORMATS
from feedback_core.formats.json_stream import objects
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


# -- Label Studio's own shapes -------------------------------------------------------------------------------------

CHOSEN = {"from_name": "sentiment", "to_name": "text", "type": "choices", "value": {"choices": ["noun"]}}


def task(annotations=(), predictions=(), **data) -> dict:
    data = {"definition": "a fox", "length": 5} | data
    return {"id": 1, "data": data, "annotations": list(annotations), "predictions": list(predictions)}


def sentences(loop, tasks, format="label-studio", **given) -> list[str]:
    data = json.dumps(tasks).encode() if isinstance(tasks, list) else tasks
    return [problem.what for problem in looked(loop, data, format, **given).report.problems]


def test_several_people_a_skip_and_a_prediction_of_label_studio_are_told_apart(full, clock):
    fresh = another(full, clock)
    annotations = [
        {"id": 1, "completed_by": 7, "result": [CHOSEN], "lead_time": 3.25},
        {"id": 2, "completed_by": {"id": 8, "email": "ben@example.org"}, "result": [CHOSEN]},
        {"id": 3, "completed_by": 9, "was_cancelled": True, "result": []},
    ]
    predictions = [{"model_version": "bert-2", "score": 0.75, "result": [CHOSEN]}]
    data = json.dumps([task(annotations, predictions)]).encode()
    taken(fresh, data, "label-studio", people={"annotator 7": "ana"})
    entries = fresh.store.feedback.latest(fresh.project.id)
    assert [(e.reviewer, e.verdict, e.target, e.seconds, e.via) for e in reversed(entries)] == [
        ("ana", "correct", "noun", 3.25, "a file of ana"),
        ("ben@example.org", "correct", "noun", None, "a file of ana"),
        ("annotator 9", "skip", None, None, "a file of ana"),
    ]
    (found,) = incoming.understood(io.BytesIO(data), fresh.project, choices("label-studio"), incoming.Report())
    ((label, guess),) = found.guesses
    assert (label, guess.version, guess.score) == ("noun", "bert-2", 0.75)


def predicted(version: str, label: str, score: float | None = None) -> dict:
    return {"model_version": version, "score": score, "result": [CHOSEN | {"value": {"choices": [label]}}]}


def test_predictions_become_versions_known_by_them_alone_and_those_of_here_stay_what_they_are(full, clock):
    fresh = another(full, clock)
    both = [predicted("bert-2", "noun", 0.75), predicted("rules", "verb")]
    tasks = [task((), both, definition=f"thing {n}") for n in range(3)]
    tasks.append(task((), [predicted("bert-2", "adverb", 0.9)], definition="thing 3"))  # no label of the project
    tasks.append(task((), [predicted("bert-2", "verb", 0.1)], definition="thing 4"))  # no probability of its label
    data = json.dumps(tasks).encode()
    assert looked(fresh, data, "label-studio").guesses == {"bert-2": 4, "rules": 3}
    result = taken(fresh, data, "label-studio")
    assert (result.guesses, result.versions) == (7, [1, 2])
    assert "4 predictions of version 1 (bert-2) stored." in result.says
    bert, rules = fresh.store.versions.all(fresh.project.id)
    assert (bert.estimator, bert.params, rules.params) == ("predictions", {"name": "bert-2"}, {"name": "rules"})
    items = {item.values[0]: item.id for chunk in fresh.store.items.export(fresh.project.id) for item in chunk}
    told = fresh.store.predictions.labels_of(bert.id, items.values())
    assert told[items["thing 0"]] == ("noun", pytest.approx(0.75))
    assert told[items["thing 4"]][0] == "verb"
    assert items["thing 3"] not in told
    again = taken(fresh, data, "label-studio")
    assert (again.items, again.versions, len(fresh.store.versions.all(fresh.project.id))) == (0, [1, 2], 2)
    without = taken(fresh, json.dumps([task((), [predicted("other", "noun")])]).encode(), "label-studio", guesses=False)
    assert (without.guesses, len(fresh.store.versions.all(fresh.project.id))) == (0, 2)


def test_what_a_version_of_here_has_said_comes_back_as_nothing_new(trained_texts):
    data = written(trained_texts, "label-studio")
    assert looked(trained_texts, data, "label-studio").guesses == {}
    taken(trained_texts, data, "label-studio")
    assert [version.number for version in trained_texts.store.versions.all(trained_texts.project.id)] == [1]


@pytest.mark.parametrize(
    ("annotation", "why"),
    [
        ({"result": [CHOSEN | {"value": {"choices": ["noun", "verb"]}}]}, "chooses 2 labels: this project takes one"),
        ({"result": [{"type": "labels", "value": {"start": 0}}]}, "marks parts of the item (labels)"),
        ({"result": []}, "is empty: there is no label in it"),
        ({"result": [CHOSEN, CHOSEN | {"from_name": "topic"}]}, "answers 2 questions (sentiment, topic)"),
        ({"result": [CHOSEN | {"value": {"choices": ["adverb"]}}]}, "is not a label of this project"),
        ({"result": [CHOSEN | {"value": {"choices": [["noun"]]}}]}, "is not a label of this project"),
        ({"result": "[]"}, "is empty"),
        ({"completed_by": "gate", "result": [CHOSEN]}, "stands in the audit trail for what no person does"),
    ],
)
def test_what_an_annotation_says_that_cannot_be_taken_is_named_and_its_item_comes_in(full, clock, annotation, why):
    fresh = another(full, clock)
    (said_why,) = sentences(fresh, [task([{"completed_by": "cleo"} | annotation])])
    assert why in said_why
    assert looked(fresh, json.dumps([task([annotation])]).encode(), "label-studio").new == 1


def test_the_address_of_a_picture_is_refused_with_the_way_out(store, clock):
    pixels = Schema((Column("image", "image", (2, 2)),))
    loop = Loop(store, project_of_texts(store, schema=pixels), clock=clock)
    (why,) = sentences(loop, [{"data": {"image": "/data/upload/1/cat.png"}}])
    assert "names a picture by its address (/data/upload/1/cat.png)" in why
    with pytest.raises(InvalidInput, match=r"Label Studio shows pictures by their address, and 'image' holds them"):
        written(loop, "label-studio")


def test_numbers_go_to_label_studio_and_to_data_sets_and_come_back(store, clock):
    def numbers(name):
        project = create_project(
            store,
            name,
            TEXTS,
            (),
            Settings(estimator="random_forest"),
            actor="test",
            now=1.0,
            salt=1,
            task="regression",
        )
        return Loop(store, project, clock=clock)

    loop = numbers("prices")
    bodies = [intake.encode_one([text, 1], TEXTS) for text in ("a door", "a house")]
    loop.add_items(Rows(bodies, [None] * 2, [None] * 2), "test")
    said(loop, "ana", {"a door": "120.5"})
    said(loop, "ben", {"a door": "120.5"})
    for name in ("label-studio", "huggingface"):
        fresh = numbers(f"back from {name}")
        taken(fresh, written(loop, name), name)
        assert labels(fresh) == labels(loop)
        assert labels(fresh)["a door"][1] == "120.5"
    with pytest.raises(InvalidInput, match="A file of Prodigy holds labels, and this project is about regression"):
        written(loop, "prodigy")


# -- Prodigy's own shapes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"label": "noun", "answer": "accept", "_annotator_id": "c"}, ("noun", {("c", "noun")})),
        ({"label": "noun", "answer": "reject", "_annotator_id": "c"}, ("verb", {("c", "verb")})),
        ({"label": "noun", "answer": "ignore", "_session_id": "c"}, (None, {("c", None)})),
        ({"accept": ["verb"], "answer": "accept", "_annotator_id": "c"}, ("verb", {("c", "verb")})),
        ({"cats": {"noun": 0.0, "verb": 1.0}}, ("verb", set())),
        ({"cats": {"noun": False, "verb": True}, "answer": "accept"}, ("verb", set())),
        ({"label": "noun"}, (None, set())),
    ],
)
def test_the_answers_of_prodigy_mean_what_they_say(full, clock, line, expected):
    fresh = another(full, clock)
    result = taken(fresh, json.dumps({"text": "a fox", "meta": {"length": 5}} | line).encode(), "prodigy")
    assert result.report.problems == []
    (found,) = labels(fresh).values()
    assert found[1:] == expected


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"accept": ["noun", "verb"], "answer": "accept"}, "gives 2 labels: this project takes one an item"),
        ({"accept": [], "answer": "accept"}, "accepts no label"),
        ({"label": "noun", "answer": "maybe"}, "answer='maybe' is not known"),
        ({"answer": "accept"}, "accepts no label"),
    ],
)
def test_what_a_line_of_prodigy_leaves_open_is_named(full, clock, line, why):
    fresh = another(full, clock)
    (told,) = sentences(fresh, json.dumps({"text": "a fox", "length": 5} | line).encode(), "prodigy")
    assert why in told


def test_a_rejected_label_of_many_says_only_what_it_is_not(full, clock):
    fresh = another(full, clock, labels=("noun", "verb", "adverb"))
    line = {"text": "a fox", "length": 5, "label": "noun", "answer": "reject", "_annotator_id": "c"}
    (why,) = sentences(fresh, json.dumps(line).encode(), "prodigy")
    assert why == "says only that it is not 'noun': which of the other labels it is cannot be told"


# -- what is here already ------------------------------------------------------------------------------------------


def test_a_person_who_changed_their_mind_in_the_file_is_heard_last(full, clock):
    fresh = another(full, clock)
    lines = [
        {"text": "a fox", "length": 5, "label": label, "answer": "accept", "_annotator_id": "c"}
        for label in ("noun", "verb", "noun", "noun")
    ]
    data = b"\n".join(json.dumps(line).encode() for line in lines)
    assert taken(fresh, data, "prodigy").entries == 3
    assert labels(fresh) == {"a fox": ("pool", "noun", {("c", "noun")})}
    assert taken(fresh, data + b"\n" + json.dumps(lines[1]).encode(), "prodigy").entries == 1
    assert labels(fresh)["a fox"][1] == "verb"


def test_answers_about_base_data_and_the_audit_sample_are_left_out_by_name(full):
    cat = next(item for item in next(full.store.items.export(full.project.id)) if item.values[0] == "to hide")
    with full.store.items._driver.writing() as session:
        session.execute("update items set audit = 1 where id = ?", (cat.id,))
    line = {"label": "noun", "answer": "accept", "_annotator_id": "c"}
    lines = [{"text": "a dog", "length": 5} | line, {"text": "to hide", "length": 7} | line]
    data = b"\n".join(json.dumps(each).encode() for each in lines)
    before = labels(full)
    result = taken(full, data, "prodigy")
    assert [problem.what for problem in result.report.problems] == [
        "is labelled base data already: the answers about it are not taken in",
        "belongs to the audit sample, which only chance may draw: the answers about it are not taken in",
    ]
    assert (result.entries, labels(full)) == (0, before)


def test_an_item_in_somebodys_hands_is_left_out_and_the_others_are_stored(full):
    full.project = full.store.projects.get(full.project.id)
    items = {item.values[0]: item for item in next(full.store.items.export(full.project.id))}
    full.draw_item("ben", items["to hide"].id)
    line = {"answer": "accept", "_annotator_id": "c", "label": "noun"}
    lines = [{"text": text, "length": len(text)} | line for text in ("to hide", "a wolf")]
    result = taken(full, b"\n".join(json.dumps(each).encode() for each in lines), "prodigy")
    assert result.entries == 1
    assert "is in ben's hands now" in result.report.problems[0].what
    assert ("c", "noun") in labels(full)["a wolf"][2]


def test_a_key_that_stands_for_another_input_here_changes_nothing(full):
    key = next(full.store.items.export(full.project.id))[2].key
    record = {"id": key, "fields": {"definition": "another", "length": "1"}, "responses": {}}
    before = labels(full)
    assert taken(full, json.dumps([record]).encode(), "argilla").items == 0
    assert labels(full) == before
    assert sentences(full, [record], "argilla") == [
        "has the key of an item with another input: the item that is here stays as it is"
    ]


def test_labels_for_items_of_the_queue_are_no_base_truth(full):
    data = json.dumps({"text": "to hide", "length": 7, "cats": {"verb": 1}}).encode()
    assert sentences(full, data, "prodigy") == [
        "is here already, and no base data: take the labels in as entries instead"
    ]
    taken(full, data, "prodigy", nameless="cleo")
    assert labels(full)["to hide"] == ("pool", "verb", {("cleo", "verb")})


def test_an_upload_that_is_cut_off_goes_on_when_it_is_sent_again(full, clock):
    fresh = another(full, clock)
    line = {"answer": "accept", "_annotator_id": "c", "label": "noun", "length": 1}
    lines = [json.dumps({"text": f"thing {n}"} | line) for n in range(1_500)]
    half = "\n".join(lines[:1_200]).encode() + b'\n{"text": '
    with pytest.raises(InvalidFile, match=r"^line 1,201 is not valid JSON"):
        taken(fresh, half, "prodigy")
    assert len(labels(fresh)) == 1_000
    result = taken(fresh, "\n".join(lines).encode(), "prodigy")
    assert (result.items, result.entries, result.back) == (500, 500, 1_000)


# -- hostile files -------------------------------------------------------------------------------------------------

HOSTILE = {
    "nothing": b"",
    "blanks": b" \n ",
    "a number": b"7",
    "a list of numbers": b"[1, 2]",
    "a text": b'"x"',
    "nesting": b"[" * 100_000,
    "nesting in an object": b'[{"data": ' + b'{"a":' * 100_000,
    "half an object": b'[{"data": {"definition": "a',
    "no comma": b'[{"data": {}} {"data": {}}]',
    "after the end": b'[{"data": {}}] x',
    "NaN": b'[{"data": {"definition": "a", "length": NaN}}]',
    "infinity": b'[{"data": {"definition": "a", "length": -Infinity}}]',
    "a huge number": b'{"data": ' + b"9" * 5_000 + b"}",
    "not UTF-8": b'[{"data": "\xff\xfe"}]',
    "a spreadsheet": b"PK\x03\x04not really",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("name", BOTH)
def test_a_hostile_file_is_refused_in_a_sentence_and_leaves_nothing(full, clock, name, data):
    fresh = another(full, clock)
    with pytest.raises(InvalidFile, match=r": \w[\w ,-]+\.$"):
        taken(fresh, data, name)
    assert labels(fresh) == {}
    look = looked(fresh, data, name)
    assert (look.new, look.stopped != "") == (0, True)


WRONG = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers()
    | st.just(10**30)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["data", "meta", "annotations", "predictions", "result", "value", "choices", "completed_by", "lead_time", "score"]
    + ["text", "label", "answer", "accept", "cats", "_annotator_id", "fields", "responses", "suggestions", "metadata"]
    + ["id", "definition", "length", "feedback_loop", "reviewers", "user_id", "status", "key", "type", "from_name"]
)
SHAPED = st.recursive(
    WRONG, lambda inner: st.dictionaries(FIELDS, inner, max_size=6) | st.lists(inner, max_size=3), max_leaves=20
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(FIELDS, SHAPED, max_size=8), max_size=4), st.sampled_from(BOTH))
def test_fields_of_any_type_are_read_without_an_error_of_ours(records, name):
    from feedback_core.types import Project

    project = Project(1, "x", "classification", ("noun", "verb"), TEXTS, Settings(), 1, False, 0.0)
    data = io.BytesIO(json.dumps(records).encode(errors="replace"))
    try:
        for found in incoming.understood(data, project, choices(name), incoming.Report()):
            assert set(found.votes) <= {"noun", "verb"}
    except InvalidFile:
        assert name == "huggingface" or not records


def test_objects_are_read_one_by_one_over_the_edges_of_what_is_read_at_a_time(monkeypatch):
    monkeypatch.setattr("feedback_core.formats.json_stream.CHUNK", 3)
    rows = [{"a": n, "b": "é" * n} for n in range(20)]
    for data in (
        json.dumps(rows, ensure_ascii=False),
        "\n".join(json.dumps(row) for row in rows),
        "﻿" + json.dumps(rows),
    ):
        assert [row for _, row in objects(io.BytesIO(data.encode()), "row")] == rows


def test_a_zip_that_claims_less_than_it_holds_or_holds_too_much_is_refused(full, clock, monkeypatch):
    fresh = another(full, clock)
    monkeypatch.setattr("feedback_core.formats.dataset_reading.MAX_BYTES", 100)
    with pytest.raises(InvalidFile, match=r"unpacks to 0 MB, more than 0: split the data set"):
        taken(fresh, written(full, "huggingface"), "huggingface")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../evil.parquet", b"PAR1 no")
    with pytest.raises(InvalidFile, match=r"evil\.parquet cannot be read"):
        taken(fresh, packed.getvalue(), "huggingface")


def test_a_file_of_any_length_takes_no_more_memory(full, monkeypatch):
    import tracemalloc

    monkeypatch.setattr("feedback_core.formats.json_stream.CHUNK", 20_000)

    def peak(n: int) -> int:
        line = '{"text": "thing %d", "length": 1, "label": "noun", "answer": "ignore", "_annotator_id": "c"}'
        data = io.BytesIO("\n".join(line % number for number in range(n)).encode())
        report = incoming.Report()
        tracemalloc.start()
        for _ in FORMATS["prodigy"].read(data, full.project):
            report.records += 1
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert report.records == n
        return highest

    peak(300)  # what is computed once
    assert peak(8_000) < 2.5 * peak(2_000)


def test_a_format_that_is_only_written_and_one_nobody_knows_are_refused(full):
    with pytest.raises(InvalidInput, match="'spacy' is only written here"):
        taken(full, b"x", "spacy")
    with pytest.raises(FeedbackError, match="No format 'excel': choose one of argilla, csv"):
        written(full, "excel")
    with pytest.raises(InvalidInput, match=r"Label Studio JSON holds items with what was said, not feedback\."):
        outgoing.pieces(full.store, full.project, "feedback", "label-studio")
