"""A version is rebuilt from the database bit for bit, and whatever was tampered with is found."""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from feedback_core import intake, provenance
from feedback_core.errors import ArtifactError
from feedback_core.loop import Loop, create_project
from feedback_core.models import for_task
from feedback_core.reproduce import other_libraries, reproduce, told
from feedback_core.settings import Settings
from feedback_core.types import Column, Decision, Rows, Schema
from tests.conftest import TWO_NUMBERS, make_loop, rows

PARAMS = {
    "random_forest": {"n_estimators": 20},
    "hist_gradient_boosting": {"max_iter": 20},
    "keras_mlp": {"epochs": 10},
    "torch_mlp": {"epochs": 10},
    "own_estimator": {"path": "sklearn.ensemble.ExtraTreesClassifier", "n_estimators": 10},
}
MIXED = Schema((Column("n", "number"), Column("colour", "category"), Column("said", "text")))


def raw(store) -> sqlite3.Connection:
    """The database behind the store's back."""
    return sqlite3.connect(store.url.removeprefix("sqlite:///"), isolation_level=None)


def taught(loop: Loop, n: int = 30) -> None:
    """Reviewers decide n items, and say 'a' twice as often as 'b', so that class masses and weights move."""
    for item_id in loop.store.items.open_ids(loop.project.id)[:n]:
        item = loop.store.items.get(item_id)
        loop.record(Decision(item.id, "ann", "correct", "aab"[item_id % 3], version_id=item.version_id))


def second(loop: Loop):
    """A version that has learned from base rows and feedback, judged."""
    first = loop.retrain("test")
    loop.judge(first)
    loop.promote(first, "test")
    taught(loop)
    version = loop.retrain("test")
    loop.judge(version)
    return version


@pytest.fixture
def version(loop):
    return second(loop)


def change_lineage(store, version_id, change) -> None:
    body = orjson.loads(zlib.decompress(raw(store).execute("select rows from lineage").fetchall()[-1][0]))
    change(body)
    packed = zlib.compress(orjson.dumps(body), 1)
    raw(store).execute("update lineage set rows = ? where version_id = ?", (packed, version_id))


@pytest.mark.parametrize("name", for_task("classification", TWO_NUMBERS))
def test_every_estimator_is_rebuilt_bit_for_bit(name, store, clock):
    loop = make_loop(store, clock, estimator=name, params=PARAMS.get(name, {}))
    loop.add_items(rows(200)[0], "test")
    loop.add_items(rows(100, seed=1, labelled=False)[0], "test")
    version = second(loop)
    locked = len(store.items.locked_rows(loop.project.id).ids)
    weights = store.versions.lineage(version.id)["weights"]
    assert version.n_feedback == 30
    assert len(set(weights)) == 2, "the weights of the classes differ, so they matter"
    found = reproduce(store, loop.project, version)
    assert (found.same, found.differing, found.largest, found.problems, found.libraries) == (True, 0, 0.0, (), ())
    assert found.rows == locked + 100
    assert told(found) == (f"Version 2 was rebuilt: the same probabilities, bit for bit, on {locked + 100:,} rows.",)


@pytest.mark.parametrize("name", ["logistic_regression", "random_forest", "hist_gradient_boosting"])
def test_numbers_categories_and_texts_are_rebuilt_bit_for_bit(name, store, clock):
    rng = np.random.default_rng(3)
    values = [
        [float(x), str(rng.choice(["red", "blue"])), f"word{rng.integers(9)} {'up' if x > 0 else 'down'}"]
        for x in rng.normal(size=300).round(3)
    ]
    inputs = [intake.encode_one(row, MIXED) for row in values]
    labels = ["b" if row[0] > 0 else "a" for row in values]
    settings = Settings(estimator=name, params=PARAMS.get(name, {}), holdout_share=0.5)
    project = create_project(store, "mixed", MIXED, ("a", "b"), settings, actor="test", now=clock(), salt=1)
    loop = Loop(store, project, clock=clock)
    loop.add_items(Rows(inputs, [None] * 300, labels), "test")
    found = reproduce(store, project, loop.retrain("test"))
    assert found.same
    assert found.rows > 100


def test_one_label_changed_in_the_lineage_is_found(loop, version):
    def change(body):
        body["labels"][5] = {"a": "b", "b": "a"}[body["labels"][5]]

    change_lineage(loop.store, version.id, change)
    found = reproduce(loop.store, loop.project, version)
    assert not found.same
    assert found.differing > 0
    assert found.largest > 0
    assert found.problems[-1].startswith("The training rows, their inputs or labels are not those recorded")
    sentences = told(found)
    assert sentences[0].startswith(f"Version 2 was rebuilt and differs: other probabilities on {found.differing} of ")
    assert sentences[1].endswith(f"at item {found.largest_key}.")
    assert loop.store.items.by_key(loop.project.id, found.largest_key) is not None


def test_one_weight_changed_in_the_lineage_is_found(loop, version):
    change_lineage(loop.store, version.id, lambda body: body["weights"].__setitem__(3, 2.5))
    found = reproduce(loop.store, loop.project, version)
    assert (found.same, found.problems) == (False, ())
    assert found.differing > 0


def test_an_input_changed_in_the_database_is_found(loop, version):
    wanted = loop.store.versions.lineage(version.id)["ids"][0]
    raw(loop.store).execute("update items set input = '[9.0,-9.0]' where id = ?", (wanted,))
    found = reproduce(loop.store, loop.project, version)
    assert not found.same
    assert "1 training rows hold another input than when they were stored." in found.problems


def test_a_base_label_changed_in_the_database_is_found(loop, version):
    lineage = loop.store.versions.lineage(version.id)
    wanted = lineage["ids"][0]
    other = {"a": "b", "b": "a"}[lineage["labels"][0]]
    raw(loop.store).execute("update items set base_label = ? where id = ?", (other, wanted))
    found = reproduce(loop.store, loop.project, version)
    assert (found.same, found.differing) == (False, 0)
    assert found.problems == ("1 base rows have another label now than the one it learned.",)


def test_rows_that_are_gone_are_counted_and_nothing_is_compared(loop, version):
    gone = loop.store.versions.lineage(version.id)["ids"][:2]
    raw(loop.store).execute("delete from items where id in (?, ?)", gone)
    found = reproduce(loop.store, loop.project, version)
    total = version.n_base + version.n_feedback
    assert (found.same, found.rows, found.largest) == (False, 0, None)
    assert found.problems[0] == f"2 of the {total} rows it was trained on are gone."
    assert told(found)[0] == "Version 2 cannot be rebuilt."


def test_a_lineage_that_is_gone_is_told(loop, version):
    raw(loop.store).execute("delete from lineage where version_id = ?", (version.id,))
    found = reproduce(loop.store, loop.project, version)
    assert (found.same, found.problems) == (False, ("The list of rows it was trained on is gone.",))


def test_another_seed_gives_another_forest_and_is_found(store, clock):
    loop = make_loop(store, clock, estimator="random_forest", params={"n_estimators": 20})
    loop.add_items(rows(200, noise=0.5)[0], "test")
    version = loop.retrain("test")
    assert reproduce(store, loop.project, version).same
    assert not reproduce(store, loop.project, replace(version, seed=version.seed + 1)).same


def test_a_model_file_that_was_changed_is_not_compared_with(loop, version):
    path = loop.store.artifacts / version.artifact / "model.skops"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ArtifactError, match="has changed"):
        reproduce(loop.store, loop.project, version)


def test_other_library_versions_are_named(loop, version):
    then = version.environment | {"numpy": "1.0.0", "far_away": "2.0"}
    found = reproduce(loop.store, loop.project, replace(version, environment=then))
    now = version.environment["numpy"]
    assert found.same, "the libraries are told even when they make no difference"
    assert found.libraries == (f"numpy was 1.0.0, is {now}.", "far_away was 2.0, is not installed.")
    assert told(found)[-1] == "Other library version: far_away was 2.0, is not installed."
    assert other_libraries({"a": "1"}, {"a": "1", "b": "2"}) == ()


def test_the_verdict_records_hashes_of_what_it_rests_on(loop, version):
    recorded = loop.store.versions.report_on(version.id).numbers["provenance"]
    assert recorded["training_rows"] == provenance.training_hash(loop.store, version.id)
    assert recorded["model"] == version.sha256
    assert Settings.from_dict(recorded["settings"]) == loop.project.settings
    assert len(recorded["locked_rows"]) == 64


def test_the_hash_of_rows_is_the_one_computed_by_hand():
    import hashlib

    by_hand = hashlib.sha256("7 aa 1 x8 bb 5 é€".encode()).hexdigest()
    assert provenance.rows_hash([7, 8], ["x", "é€"], ["aa", "bb"]) == by_hand


@pytest.mark.parametrize(
    "other",
    [([7, 9], ["x", "y"], ["aa", "bb"]), ([8, 7], ["x", "y"], ["aa", "bb"]), ([7, 8], ["y", "x"], ["aa", "bb"])]
    + [([7, 8], ["x", "y"], ["aa", "bc"]), ([7], ["x8 bb 1 y"], ["aa"])],
    ids=["another id", "another order", "labels swapped", "another input", "one label that looks like a row"],
)
def test_other_rows_have_another_hash(other):
    assert provenance.rows_hash(*other) != provenance.rows_hash([7, 8], ["x", "y"], ["aa", "bb"])


def test_rebuilding_leaves_nothing_beside_the_database(loop, version, tmp_path):
    before = sorted(path.name for path in Path(tmp_path).rglob("*") if "-wal" not in path.name)
    reproduce(loop.store, loop.project, version)
    assert sorted(path.name for path in Path(tmp_path).rglob("*") if "-wal" not in path.name) == before
