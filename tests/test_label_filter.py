"""Items found by one of the labels they are predicted with."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_core.multilabel import joined
from feedback_core.store import Store, open_store
from feedback_core.types import Cursor, ItemFilter
from tests.conftest import raw
from tests.test_store import NOW, _Explained, add, item, new_project, whole_tables

LABELS = ("new", "news", "old news", "%")
SETS = [joined(some, LABELS) for n in range(len(LABELS) + 1) for some in combinations(LABELS, n)]
ROWS = st.tuples(st.sampled_from([*SETS, None]), st.sampled_from(["open", "labelled"]), st.booleans())


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory) -> Store:
    """One database for all examples, each of which has a project of its own."""
    return open_store(str(tmp_path_factory.mktemp("labels") / "test.db"))


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROWS, max_size=12), label=st.sampled_from(LABELS), both=st.booleans(), sort=st.integers(0, 2))
def test_exactly_the_items_whose_set_holds_the_label_are_found_and_none_that_the_audit_hides(
    shared_store, rows, label, both, sort
):
    project, order = new_project(shared_store), ("priority", "confidence", "newest")[sort]
    ids = add(shared_store, project, *(f"k{n}" for n in range(len(rows))))
    for n, (said, state, audit) in enumerate(rows):
        raw(
            shared_store,
            "update items set predicted = ?, state = ?, audit = ?, confidence = 0.5, priority = 0.5 where id = ?",
            (said, state, audit, ids[f"k{n}"]),
        )
    states = ("open", "labelled") if both else ("open",)
    expected = {
        ids[f"k{n}"]
        for n, (said, state, audit) in enumerate(rows)
        if said and label in said.split("; ") and state in states and not (audit and state == "open")
    }
    wanted, found, after = ItemFilter(states, holds=label), [], None
    while page := shared_store.items.page(project.id, wanted, sort=order, after=after, limit=3):
        found += [entry.id for entry in page]
        after = Cursor(0.5 if order != "newest" else 0.0, page[-1].id)
    assert (len(found), set(found)) == (len(expected), expected)
    assert shared_store.items.count(project.id, wanted) == len(expected)


def test_the_sets_that_occur_are_walked_along_an_index(tmp_path):
    store = open_store(str(tmp_path / "sets.db"))
    project = new_project(store)
    store.items.add(project, [item(f"k{n}") for n in range(300)], NOW)
    raw(store, "update items set predicted = iif(id % 3, 'a; b', 'c'), priority = id / 300.0, confidence = 0.9")
    explained = _Explained(store.items._driver)
    items = type(store.items)(explained)
    assert items.count(project.id, ItemFilter(holds="b")) == 200
    assert len(items.page(project.id, ItemFilter(("open", "labelled"), holds="b"), sort="priority", limit=50)) == 50
    walks = [steps for sql, steps in explained.plans if "recursive walk" in sql]
    assert len(walks) == 2
    for steps in walks:
        assert [step for step in whole_tables(steps) if "items" in step] == []
        assert any("USING COVERING INDEX items_predicted" in step for step in steps)
